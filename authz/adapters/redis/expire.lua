-- End tickets whose deadline has passed. KEYS[9..] tickets; ARGV[3..] the members that named them, in that order.
local retention, data = tonumber(ARGV[1]), ARGV[2]

local bad = damaged()
for i = 9, #KEYS do
  bad = bad or wrong_type(KEYS[i], 'hash')
end
if bad then
  return bad
end
local now = now_ms()
local ended = 0
for i = 9, #KEYS do
  local ticket, member = KEYS[i], ARGV[i - 6]
  local id = string.match(member, '[^:]+$')
  local known = redis.call('HMGET', ticket, 'state', 'rev', 'created_at', 'expires_at', 'window_until')
  local state, next_rev = known[1], text((tonumber(known[2]) or 0) + 1)
  if state == 'pending' and now >= tonumber(known[4]) then
    record(now, 'ticket.expired', id, next_rev, data)
    leave_pending(member)
    redis.call('HSET', ticket, 'rev', next_rev)
    finish(ticket, id, known[3], 'pending', 'expired', now, retention)
    ended = ended + 1
  elseif state == 'approved' and now >= tonumber(known[5]) then
    record(now, 'grant.lapsed', id, next_rev, data)
    redis.call('ZREM', APPROVED, id)
    redis.call('HSET', ticket, 'rev', next_rev)
    finish(ticket, id, known[3], 'approved', 'lapsed', now, retention)
    ended = ended + 1
  elseif state ~= 'pending' and state ~= 'approved' then
    -- Decided since it was found due, or gone with its TTL because nobody swept for as long.
    leave_pending(member)
    redis.call('ZREM', APPROVED, member)
  end
end
return ended
