-- End a ticket by somebody's will: a pending one if nothing has happened to it since the caller read it, an approved
-- one whatever happened, because all that can are uses, and a grant in heavy use is the one that has to be stopped.
-- KEYS[9] ticket, [10] its body.
local ticket, body = KEYS[9], KEYS[10]
local id, rev, from, to, event = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local ending_json, data, retention, body_retention = ARGV[6], ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])

local bad = damaged() or wrong_type(ticket, 'hash') or wrong_type(body, 'string')
if bad then
  return bad
end
local now = now_ms()
local known = redis.call('HMGET', ticket, 'state', 'rev', 'expires_at', 'window_until', 'created_at', 'requester', 'rule')
local deadline = from == 'pending' and known[3] or known[4]
if known[1] ~= from or (from == 'pending' and known[2] ~= rev) or now >= tonumber(deadline) then
  return false
end
local next_rev = text(tonumber(known[2]) + 1)
record(now, event, id, next_rev, data)
redis.call('HSET', ticket, 'rev', next_rev, 'ending', ending_json)
if from == 'pending' then
  leave_pending(known[6], known[7], known[3], id)
else
  redis.call('ZREM', APPROVED, id)
end
finish(ticket, body, id, known[5], from, to, now, retention, body_retention)
return { text(now), redis.call('HGETALL', ticket) }
