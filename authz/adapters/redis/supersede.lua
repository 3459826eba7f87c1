-- End a ticket in favour of a new one, or of the one that answers for the new request already. Keys and arguments are
-- opening.lua's, and KEYS[18] the ticket that leaves, [19] its body.
local old, old_body = KEYS[18], KEYS[19]
local old_id, rev, by_new, by_known = ARGV[26], ARGV[27], ARGV[28], ARGV[29]

local bad = unfit_to_open() or wrong_type(old, 'hash') or wrong_type(old_body, 'string')
if bad then
  return bad
end
local now = now_ms()
local known = redis.call('HMGET', old, 'state', 'rev', 'expires_at', 'window_until', 'created_at', 'requester', 'rule')
local state, expires_at, created_at = known[1], known[3], known[5]
local live = (state == 'pending' and now < tonumber(expires_at)) or (state == 'approved' and now < tonumber(known[4]))
if not live or known[2] ~= rev then
  return false
end
local found = answered(now, old_id)
if found and found[1] ~= 'existing' then
  return found
end
-- A grant took no place among the open tickets.
local place = state == 'pending' and { requester = known[6], rule = known[7] } or nil
local refused = not found and (taken() or crowded(now, place) or too_much(now))
if refused then
  return refused
end

local next_rev = text(tonumber(rev) + 1)
record(now, 'ticket.superseded', old_id, next_rev, found and by_known or by_new)
if not found then
  announce(now)
end
redis.call('HSET', old, 'rev', next_rev, 'replaced_by', found and believed or id)
if state == 'pending' then
  leave_pending(known[6], known[7], expires_at, old_id)
else
  redis.call('ZREM', APPROVED, old_id)
end
finish(old, old_body, old_id, created_at, state, 'superseded', now, retention, body_retention)
return found or open(now)
