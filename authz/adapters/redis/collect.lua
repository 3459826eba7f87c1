-- Forget ended tickets whose retention is over. KEYS[9..] three for each: ticket, body and deliveries; ARGV the
-- members of GARBAGE, in that order. Terminal states absorb, so nothing can have changed since the member was written.
local bad = damaged()
if bad then
  return bad
end
local now = now_ms()
for i, member in ipairs(ARGV) do
  local due = redis.call('ZSCORE', GARBAGE, member)
  if due and tonumber(due) <= now then
    redis.call('DEL', KEYS[6 + 3 * i], KEYS[7 + 3 * i], KEYS[8 + 3 * i])
    redis.call('ZREM', INDEX, member, (string.gsub(member, '^[^:]+', 'all')))
    redis.call('ZREM', GARBAGE, member)
  end
end
return #ARGV
