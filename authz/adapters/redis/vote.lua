-- Add one vote and set the state that it leads to, if nothing has happened to the ticket since the caller read it.
-- KEYS[9] ticket, [10] its body. `votes` on the hash numbers every vote there ever was, so that no number is given
-- twice; those that count are that many less the withdrawn ones, and the caller says how many it saw.
local ticket, body = KEYS[9], KEYS[10]
local id, rev, earlier_votes, state, vote_json = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local vote_data, decision_data = ARGV[6], ARGV[7]
local retention, cooldown, body_retention = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
-- The last moment at which the voter's sign-in is recent enough; empty where it may be of any age.
local sign_in_until = ARGV[11]

local bad = damaged() or wrong_type(ticket, 'hash') or wrong_type(body, 'string')
if bad then
  return bad
end
local now = now_ms()
local known = redis.call('HMGET', ticket, 'state', 'rev', 'votes', 'expires_at', 'created_at', 'requester', 'valid_for', 'uses',
  'withdrawals', 'rule')
local number, withdrawals = known[3], tonumber(known[9] or 0)
if known[1] ~= 'pending' or known[2] ~= rev or tonumber(number) - withdrawals ~= tonumber(earlier_votes)
  or now >= tonumber(known[4]) or (sign_in_until ~= '' and now > tonumber(sign_in_until)) then
  return false
end
if redis.call('HEXISTS', ticket, 'vote:' .. number) == 1 then
  return redis.error_reply('DAMAGED ' .. ticket .. ' has a vote ' .. number .. ' already')
end
local expires_at, created_at, requester, rule = known[4], known[5], known[6], known[10]
local window_until, uses = now + tonumber(known[7]), known[8]
local next_rev = text(tonumber(rev) + 1)

record(now, 'vote.recorded', id, next_rev, vote_data)
if state == 'approved' then
  record(now, 'ticket.approved', id, next_rev, decision_data, 'window_until', text(window_until), 'uses_left', uses)
elseif state == 'rejected' then
  record(now, 'ticket.rejected', id, next_rev, decision_data, 'cooldown_until', text(now + cooldown))
end
redis.call('HSET', ticket, 'rev', next_rev, 'votes', text(tonumber(number) + 1),
  'vote:' .. number, vote_json, 'vote_at:' .. number, text(now))
if state == 'approved' then
  leave_pending(requester, rule, expires_at, id)
  redis.call('HSET', ticket, 'state', 'approved', 'approved_at', text(now), 'window_until', text(window_until))
  redis.call('ZADD', APPROVED, text(window_until), id)
  move_in_index(id, created_at, 'pending', 'approved')
  redis.call('PEXPIREAT', ticket, text(window_until + retention))
  redis.call('PEXPIREAT', body, text(window_until + math.min(body_retention, retention)))
elseif state == 'rejected' then
  leave_pending(requester, rule, expires_at, id)
  redis.call('HSET', ticket, 'cooldown_until', text(now + cooldown))
  -- The rejection has to be there to be shown for as long as it answers for an equal request.
  finish(ticket, body, id, created_at, 'pending', 'rejected', now, math.max(retention, cooldown), body_retention)
end
return { text(now), redis.call('HGETALL', ticket) }
