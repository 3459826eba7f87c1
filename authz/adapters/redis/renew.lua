-- Prolong leases, but only those that this consumer still holds. KEYS[1] outbox; ARGV[3..] entries.
-- JUSTID, because a claim without it counts as another attempt.
local group, consumer = ARGV[1], ARGV[2]
local renewed = 0
for i = 3, #ARGV do
  local pending = redis.call('XPENDING', KEYS[1], group, ARGV[i], ARGV[i], 1)
  if pending[1] and pending[1][2] == consumer then
    redis.call('XCLAIM', KEYS[1], group, consumer, 0, ARGV[i], 'JUSTID')
    renewed = renewed + 1
  end
end
return renewed
