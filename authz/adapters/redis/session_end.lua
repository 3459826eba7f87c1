-- Forget one session. KEYS[1] session. ARGV: its name.
local persons = redis.call('HGET', KEYS[1], 'of')
if not persons then
  return 0
end
redis.call('ZREM', persons, ARGV[1])
return redis.call('DEL', KEYS[1])
