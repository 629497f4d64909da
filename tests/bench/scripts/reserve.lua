-- POST /api/v1/reservations/ with a new Idempotency-Key each, for a random one of the accounts in tokens.txt.
local tokens = {}
local prefix

function setup(thread)
  counter = (counter or 0) + 1
  thread:set("number", counter)
end

function init(args)
  for line in io.lines(args[1]) do tokens[#tokens + 1] = line end
  codes, pharmacies = tonumber(args[2]), tonumber(args[3])
  math.randomseed(os.time() * 10 + number)
  prefix = os.time() .. "-" .. number .. "-"
  sent = 0
end

function request()
  sent = sent + 1
  local first = math.random(1, codes)
  local second = first % codes + 1
  local body = string.format(
    '{"pharmacy": "BENCH-%d", "lines": [{"product": "2%012d", "quantity": 1}, {"product": "2%012d", "quantity": 2}]}',
    math.random(1, pharmacies), first, second)
  return wrk.format("POST", "/api/v1/reservations/", {
    ["Authorization"] = "Bearer " .. tokens[math.random(1, #tokens)],
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = prefix .. sent,
  }, body)
end

function done(summary, latency, requests)
  io.write(string.format('RESULT {"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
