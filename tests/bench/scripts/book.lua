-- POST /api/v1/appointments/: every request another slot, no patient twice at the same time.
-- Request k: doctor k mod doctors, half hour k div doctors, patient k mod the tokens in the file.
local tokens = {}
local counter = 0

function setup(thread)
  thread:set("number", counter)
  counter = counter + 1
end

function init(args)
  for line in io.lines(args[1]) do tokens[#tokens + 1] = line end
  doctors, doctor, kind = tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  epoch, offset = tonumber(args[5]), tonumber(args[6])
  sent = 0
end

function request()
  local k = offset + 2 * sent + number
  sent = sent + 1
  local body = string.format('{"doctor": %d, "visit_type": %d, "starts_at": "%s"}',
    doctor + k % doctors, kind + k % doctors,
    os.date("!%Y-%m-%dT%H:%M:%SZ", epoch + math.floor(k / doctors) * 1800))
  return wrk.format("POST", "/api/v1/appointments/", {
    ["Authorization"] = "Bearer " .. tokens[k % #tokens + 1],
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = string.format("book-%d", k),
  }, body)
end

function done(summary, latency, requests)
  io.write(string.format('RESULT {"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
