-- End tickets whose deadline has passed. KEYS[9..] two for each: ticket and body; ARGV[4..] the members that named
-- them, in that order.
local retention, body_retention, data = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local bad = damaged()
for i = 9, #KEYS, 2 do
  bad = bad or wrong_type(KEYS[i], 'hash') or wrong_type(KEYS[i + 1], 'string')
end
if bad then
  return bad
end
local now = now_ms()
local ended = 0
for i = 4, #ARGV do
  local ticket, body, member = KEYS[2 * i + 1], KEYS[2 * i + 2], ARGV[i]
  local id = string.match(member, '[^:]+$')
  local known = redis.call('HMGET', ticket, 'state', 'rev', 'created_at', 'expires_at', 'window_until',
    'requester', 'rule')
  local state, next_rev = known[1], text((tonumber(known[2]) or 0) + 1)
  if state == 'pending' and now >= tonumber(known[4]) then
    record(now, 'ticket.expired', id, next_rev, data)
    leave_pending(known[6], known[7], known[4], id)
    redis.call('HSET', ticket, 'rev', next_rev)
    finish(ticket, body, id, known[3], 'pending', 'expired', now, retention, body_retention)
    ended = ended + 1
  elseif state == 'approved' and now >= tonumber(known[5]) then
    record(now, 'grant.lapsed', id, next_rev, data)
    redis.call('ZREM', APPROVED, id)
    redis.call('HSET', ticket, 'rev', next_rev)
    finish(ticket, body, id, known[3], 'approved', 'lapsed', now, retention, body_retention)
    ended = ended + 1
  elseif state ~= 'pending' and state ~= 'approved' then
    -- Decided since it was found due, or gone with its TTL because nobody swept for as long. What other places that
    -- one has, tidy.lua comes to.
    redis.call('ZREM', PENDING, member)
    redis.call('ZREM', REQUESTERS, member)
    redis.call('ZREM', APPROVED, member)
  end
end
return ended
