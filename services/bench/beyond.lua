-- As many requests as the callers can send.
function done(summary, latency, requests)
  local ms = function(us) return string.format("%.1f ms", us / 1000) end
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout
  print(string.format("row: %.0f | %s | %s | %s | %d", summary.requests / (summary.duration / 1e6),
    ms(latency.mean), ms(latency:percentile(95)), ms(latency:percentile(99)), bad))
end
