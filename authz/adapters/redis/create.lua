-- Store a ticket, unless an equal request has one that still answers for it.
-- KEYS[9] ticket, [10] its body, [11] pointer of the fingerprint, [12] the ticket that the caller believes the
-- pointer names.
local ticket, body, pointer, earlier = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local id, believed, record_json, digest, requester = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local expires_in, valid_for, uses = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local max_total, max_requester = tonumber(ARGV[9]), tonumber(ARGV[10])
local retention, cooldown, data = tonumber(ARGV[11]), tonumber(ARGV[12]), ARGV[13]
local kept, body_retention = ARGV[14], tonumber(ARGV[15])

local bad = damaged() or wrong_type(ticket, 'hash') or wrong_type(body, 'string') or wrong_type(pointer, 'string')
if bad then
  return bad
end
local now = now_ms()

-- A cluster wants every key named beforehand, so the caller looks again with the ticket that the pointer names.
local named = redis.call('GET', pointer) or ''
if named ~= believed then
  return { 'moved', named }
end
if named ~= '' then
  bad = wrong_type(earlier, 'hash')
  if bad then
    return bad
  end
  local known = redis.call('HMGET', earlier, 'state', 'expires_at', 'window_until', 'uses_left', 'cooldown_until')
  local state = known[1]
  if (state == 'pending' and now < tonumber(known[2]))
    or (state == 'approved' and now < tonumber(known[3]) and tonumber(known[4]) > 0)
    or (state == 'rejected' and now < tonumber(known[5])) then
    return { 'existing', text(now), redis.call('HGETALL', earlier) }
  end
end

if redis.call('EXISTS', ticket) == 1 then
  return redis.error_reply('DAMAGED ' .. ticket .. ' exists already')
end
-- Counted by deadline, so that a late sweep locks nobody out.
if redis.call('ZCOUNT', PENDING, '(' .. text(now), '+inf') >= max_total then
  return { 'total' }
end
local mine = redis.call('ZLEXCOUNT', REQUESTERS, '[' .. requester .. ':' .. padded(now + 1), '(' .. requester .. ';')
if mine >= max_requester then
  return { 'requester' }
end

local expires_at = now + expires_in
local member = pending_member(requester, expires_at, id)
local tail = ':' .. padded(now) .. ':' .. id
record(now, 'ticket.created', id, 1, data, 'expires_at', text(expires_at))
redis.call('HSET', ticket, 'record', record_json, 'digest', digest, 'requester', requester, 'rev', 1, 'state', 'pending',
  'created_at', text(now), 'expires_at', text(expires_at), 'valid_for', text(valid_for), 'uses', uses, 'uses_left', uses,
  'votes', 0)
redis.call('PEXPIREAT', ticket, text(expires_at + retention))
if kept ~= '' then
  redis.call('SET', body, kept, 'PXAT', text(expires_at + math.min(body_retention, retention)))
end
redis.call('ZADD', PENDING, text(expires_at), member)
redis.call('ZADD', REQUESTERS, 0, member)
redis.call('ZADD', INDEX, 0, 'all' .. tail, 0, 'pending' .. tail)
-- Long enough for the longest life the ticket can have; whether it still answers is read from the ticket itself.
redis.call('SET', pointer, id, 'PX', text(expires_in + math.max(valid_for, cooldown) + 1000))
return { 'created', text(now), redis.call('HGETALL', ticket) }
