-- Forget ended tickets whose retention is over. KEYS[9..] two for each: ticket and deliveries; ARGV the members of
-- GARBAGE, in that order. Terminal states absorb, so nothing can have changed since the member was written.
local bad = damaged()
if bad then
  return bad
end
local now = now_ms()
for i, member in ipairs(ARGV) do
  local due = redis.call('ZSCORE', GARBAGE, member)
  if due and tonumber(due) <= now then
    redis.call('DEL', KEYS[7 + 2 * i], KEYS[8 + 2 * i])
    redis.call('ZREM', INDEX, member, (string.gsub(member, '^[^:]+', 'all')))
    redis.call('ZREM', GARBAGE, member)
  end
end
return #ARGV
