-- Remember something about a ticket's deliveries. KEYS[1] deliveries. ARGV: retention, field, value.
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
