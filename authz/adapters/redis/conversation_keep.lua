-- Remember a conversation, unless it is a new one and there are too many.
-- KEYS[1] conversations of one kind. ARGV: field, value, how many fields at most.
local found, field, value, most = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HEXISTS', found, field) == 0 and redis.call('HLEN', found) >= most then
  return 0
end
redis.call('HSET', found, field, value)
return 1
