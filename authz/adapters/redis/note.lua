-- Remember something about a ticket's deliveries. KEYS[1] deliveries. ARGV: retention, field, value.
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
-- Never sooner than it was to go: schedule.lua needs what it noted for as long as the ticket is there.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 1
