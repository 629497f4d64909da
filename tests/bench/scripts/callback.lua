-- POST a MyPayGa callback; every second request repeats the message of the one before.
function setup(thread)
  counter = (counter or 0) + 1
  thread:set("number", counter)
end

function init(args)
  path = args[1]
  start = os.time() .. number
  sent = 0
end

function request()
  sent = sent + 1
  local reference = string.format("%s%016d", start, math.floor((sent + 1) / 2))
  return wrk.format("POST", path, {["Content-Type"] = "application/json"}, string.format(
    '{"unique_id": "%s", "order_status": "200", "status_request": "200", "amount": "5000", "currency": "XAF", ' ..
    '"payment_token": "t%s", "payment_method": "AM", "message": "ok", "client_phone": "077123456", "hash": "%s"}',
    reference, reference, string.rep("0", 128)))
end

function done(summary, latency, requests)
  io.write(string.format('RESULT {"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
