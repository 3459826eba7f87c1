-- Take one vote away, if nothing has happened to the ticket since the caller read it. KEYS[9] ticket.
-- The vote's number stays taken, with a mark instead of the vote: whoever reads the ticket can tell it from a lost one,
-- and by whom it was.
local ticket = KEYS[9]
local id, rev, number, data, most, person = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]

local bad = damaged() or wrong_type(ticket, 'hash')
if bad then
  return bad
end
local now = now_ms()
local known = redis.call('HMGET', ticket, 'state', 'rev', 'expires_at', 'withdrawals', 'vote:' .. number)
local withdrawals = tonumber(known[4] or 0)
if known[1] ~= 'pending' or known[2] ~= rev or now >= tonumber(known[3]) or withdrawals >= most or not known[5] then
  return false
end
local next_rev = text(tonumber(rev) + 1)
record(now, 'vote.withdrawn', id, next_rev, data)
redis.call('HSET', ticket, 'rev', next_rev, 'withdrawals', withdrawals + 1, 'withdrawn:' .. number, text(now) .. ' ' .. person)
redis.call('HDEL', ticket, 'vote:' .. number, 'vote_at:' .. number)
return { text(now), redis.call('HGETALL', ticket) }
