-- A review is done. KEYS[9] review, [10] body, [11] open reviews by due time, [12] the same by requester.
local review, body, reviews, breakers = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local id, ending_json, data, retention, body_retention = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local bad = damaged() or wrong_type(review, 'hash') or wrong_type(body, 'string') or wrong_type(reviews, 'zset')
  or wrong_type(breakers, 'zset')
if bad then
  return bad
end
local now = now_ms()
local known = redis.call('HMGET', review, 'used_at', 'done_at', 'requester')
if not known[1] or known[2] then
  return false
end
record(now, 'breakglass.reviewed', id, 2, data)
redis.call('HSET', review, 'done_at', text(now), 'done_by', ending_json)
redis.call('ZREM', reviews, id)
-- The release before wrote no requester; such a review is in nobody's count.
if known[3] then
  redis.call('ZREM', breakers, known[3] .. ':' .. id)
end
redis.call('PEXPIREAT', review, text(now + retention))
redis.call('PEXPIREAT', body, text(now + math.min(body_retention, retention)))
return { text(now), redis.call('HGETALL', review) }
