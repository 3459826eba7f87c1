-- What a sweep has to look at: members of PENDING, APPROVED and GARBAGE whose time has come. Changes nothing.
local limit = ARGV[1]
local bad = damaged()
if bad then
  return bad
end
local now = text(now_ms())
return {
  redis.call('ZRANGEBYSCORE', PENDING, '-inf', now, 'LIMIT', 0, limit),
  redis.call('ZRANGEBYSCORE', APPROVED, '-inf', now, 'LIMIT', 0, limit),
  redis.call('ZRANGEBYSCORE', GARBAGE, '-inf', now, 'LIMIT', 0, limit),
}
