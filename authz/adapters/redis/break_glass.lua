-- Write one use of break-glass down and open its review; one Check is one use, however often it comes.
-- KEYS[9] review, [10] body, [11] pointer from the Check, [12] open reviews by due time, [13] the same by requester,
-- [14] pace of the requester.
local review, body, once, reviews, breakers, pace = KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14]
local id, record_json, data, due_in, kept = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local body_retention, has_id, replay_window = tonumber(ARGV[6]), ARGV[7] == '1', ARGV[8]
local requester, max_total, max_requester, per_minute = ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])

local bad = damaged() or wrong_type(review, 'hash') or wrong_type(body, 'string') or wrong_type(once, 'string')
  or wrong_type(reviews, 'zset') or wrong_type(breakers, 'zset') or wrong_type(pace, 'string')
if bad then
  return bad
end
local now = now_ms()
local known = has_id and redis.call('GET', once)
if known then
  -- A write, so that this connection too waits for the replicas: the first answer may have been held back for them.
  redis.call('SET', CLOCK, text(now))
  return known
end
if redis.call('EXISTS', review) == 1 then
  return redis.error_reply('DAMAGED ' .. review .. ' exists already')
end
if redis.call('ZCOUNT', reviews, '-inf', '+inf') >= max_total then
  return { 'full', 'total' }
end
if redis.call('ZLEXCOUNT', breakers, '[' .. requester .. ':', '(' .. requester .. ';') >= max_requester then
  return { 'full', 'requester' }
end
local wait = too_soon(pace, per_minute, now)
if wait then
  return { 'full', 'rate_requester', wait }
end

local due_at = now + due_in
record(now, 'breakglass.used', id, 1, data, 'due_at', text(due_at))
-- Without a TTL until somebody has done it: a review that nobody does must not go away by itself.
redis.call('HSET', review, 'record', record_json, 'used_at', text(now), 'due_at', text(due_at), 'requester', requester)
redis.call('ZADD', reviews, text(due_at), id)
redis.call('ZADD', breakers, 0, requester .. ':' .. id)
count_in(pace, per_minute, now)
if kept ~= '' then
  redis.call('SET', body, kept, 'PXAT', text(due_at + body_retention))
end
if has_id then
  redis.call('SET', once, id, 'PX', replay_window)
end
return { text(now), redis.call('HGETALL', review) }
