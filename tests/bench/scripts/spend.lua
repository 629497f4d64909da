-- PUT /account/spent/{account}?credit=1 for a random one of the lines `token account` in the given file.
local people = {}

function setup(thread)
  counter = (counter or 0) + 1
  thread:set("number", counter)
end

function init(args)
  for line in io.lines(args[1]) do
    local token, account = line:match("(%S+) (%S+)")
    people[#people + 1] = { token, account }
  end
  math.randomseed(os.time() * 10 + number)
end

function request()
  local person = people[math.random(1, #people)]
  return wrk.format("PUT", "/account/spent/" .. person[2] .. "?credit=1", { ["Authorization"] = "Bearer " .. person[1] })
end

function done(summary, latency, requests)
  io.write(string.format('RESULT {"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
