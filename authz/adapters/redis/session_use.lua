-- Read one session and prolong it, never beyond its absolute limit. KEYS[1] session. ARGV: idle limit (ms).
local found = redis.call('HMGET', KEYS[1], 'data', 'ends')
if not found[1] then
  return false
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.min(now + tonumber(ARGV[1]), tonumber(found[2]))))
return found[1]
