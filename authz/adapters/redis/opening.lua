-- What create and supersede share; the loader puts it, after pace.lua, between the prelude and either of them.
-- KEYS[9] ticket, [10] its body, [11] pointer from what it answers for, [12..14] pace of all, of the requester, of the
-- rule, [15..16] bytes of all, of the requester, [17] the ticket that the caller believes the pointer names.
local ticket, body, pointer, earlier = KEYS[9], KEYS[10], KEYS[11], KEYS[17]
local paces, sizes = { KEYS[12], KEYS[13], KEYS[14] }, { KEYS[15], KEYS[16] }
local id, believed, record_json, digest, requester, rule = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local expires_in, valid_for, uses = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local retention, cooldown, data = tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12]
local kept, body_retention, coalesced = ARGV[13], tonumber(ARGV[14]), ARGV[15] == '1'
local max_total, max_requester, max_rule = tonumber(ARGV[16]), tonumber(ARGV[17]), tonumber(ARGV[18])
local per_minute = { tonumber(ARGV[19]), tonumber(ARGV[20]), tonumber(ARGV[21]) }
local max_bytes = { tonumber(ARGV[22]), tonumber(ARGV[23]) }
local check, closed = ARGV[24], ARGV[25] == '1'

local PACES = { 'rate_total', 'rate_requester', 'rate_rule' }
local SIZES = { 'bytes_total', 'bytes_requester' }

local function unfit_to_open()
  local bad = damaged() or wrong_type(ticket, 'hash') or wrong_type(body, 'string') or wrong_type(pointer, 'string')
  for _, key in ipairs(paces) do
    bad = bad or wrong_type(key, 'string')
  end
  for _, key in ipairs(sizes) do
    bad = bad or wrong_type(key, 'hash')
  end
  return bad
end

local function taken()
  if redis.call('EXISTS', ticket) == 1 then
    return redis.error_reply('DAMAGED ' .. ticket .. ' exists already')
  end
end

-- Whether the Check at hand is among the uses of the earlier ticket.
local function used_by_this()
  if check == '' then
    return false
  end
  for _, entry in ipairs(redis.call('HGETALL', earlier)) do
    if string.match(entry, '^%d+ %d+ (.*)$') == check then
      return true
    end
  end
  return false
end

-- The reply where a ticket other than `leaving` answers already, or where the caller has to look again; else nil.
-- A cluster wants every key named beforehand, so the caller comes back with the ticket that the pointer names.
local function answered(now, leaving)
  if not coalesced then
    return nil
  end
  local named = redis.call('GET', pointer) or ''
  if named ~= believed then
    return { 'moved', named }
  end
  if named == '' or named == leaving then
    return nil
  end
  local bad = wrong_type(earlier, 'hash')
  if bad then
    return bad
  end
  local known = redis.call('HMGET', earlier, 'state', 'expires_at', 'window_until', 'uses_left', 'cooldown_until')
  local state = known[1]
  if (state == 'pending' and now < tonumber(known[2]))
    or (state == 'approved' and now < tonumber(known[3]) and tonumber(known[4]) > 0)
    or (state == 'rejected' and now < tonumber(known[5]))
    or (state == 'used_up' and used_by_this()) then
    return { 'existing', text(now), redis.call('HGETALL', earlier) }
  end
end

local function open_of(whose, now)
  return redis.call('ZLEXCOUNT', REQUESTERS, '[' .. pending_member(whose, now + 1, ''), '(' .. whose .. ';')
end

-- Open tickets are counted by deadline, so that a late sweep locks nobody out. `place` is what a pending ticket that
-- leaves makes free, { requester, rule }: taking that raises no count. Nil where there is none.
local function crowded(now, place)
  if closed then
    return { 'closed' }
  end
  if not place and redis.call('ZCOUNT', PENDING, '(' .. text(now), '+inf') >= max_total then
    return { 'full', 'total' }
  end
  if not (place and place.requester == requester) and open_of(requester, now) >= max_requester then
    return { 'full', 'requester' }
  end
  if not (place and place.rule == rule) and open_of(rule, now) >= max_rule then
    return { 'full', 'rule' }
  end
end

-- Bytes by when they will be gone at the latest: field = end of a span of time, value = bytes. Nothing is ever
-- subtracted, time passes the fields: it can't drift, whatever is forgotten by a sweep and whatever by its TTL.
local function stored(key, now)
  local spans, sum = {}, 0
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local span = { gone = tonumber(flat[i]) or 0, bytes = tonumber(flat[i + 1]) or 0, field = flat[i] }
    spans[#spans + 1] = span
    if span.gone > now then
      sum = sum + span.bytes
    end
  end
  table.sort(spans, function(a, b) return a.gone < b.gone end)
  return spans, sum
end

-- Rounded up to a span, so that the fields of a key are a few dozen, whatever the settings.
local function gone_at(time)
  local span = math.max(3600000, math.ceil(retention / 32))
  return math.ceil(time / span) * span
end

-- The reply where it comes too fast, or where too much is stored: which bound, and in how many ms there is room.
local function too_much(now)
  for i, name in ipairs(PACES) do
    local wait = too_soon(paces[i], per_minute[i], now)
    if wait then
      return { 'full', name, wait }
    end
  end
  for i, name in ipairs(SIZES) do
    local spans, sum = stored(sizes[i], now)
    local over = sum + #record_json + #kept - max_bytes[i]
    local wait = 0
    for _, span in ipairs(spans) do
      if over > 0 and span.gone > now then
        over, wait = over - span.bytes, span.gone - now
      end
    end
    if sum + #record_json + #kept > max_bytes[i] then
      return { 'full', name, text(wait) }
    end
  end
end

local function remember_size(key, now)
  local last = 0
  for _, span in ipairs((stored(key, now))) do
    if span.gone <= now then
      redis.call('HDEL', key, span.field)
    end
    last = span.gone
  end
  local record_gone = gone_at(now + expires_in + valid_for + math.max(retention, cooldown))
  local body_gone = gone_at(now + expires_in + valid_for + math.min(body_retention, retention))
  redis.call('HINCRBY', key, text(record_gone), #record_json)
  if kept ~= '' then
    redis.call('HINCRBY', key, text(body_gone), #kept)
  end
  redis.call('PEXPIREAT', key, text(math.max(last, record_gone, body_gone)))
end

local function announce(now)
  record(now, 'ticket.created', id, 1, data, 'expires_at', text(now + expires_in))
end

-- Writes the new ticket, after every check and every event.
local function open(now)
  local expires_at = now + expires_in
  local tail = ':' .. padded(now) .. ':' .. id
  redis.call('HSET', ticket, 'record', record_json, 'digest', digest, 'requester', requester, 'rule', rule, 'rev', 1,
    'state', 'pending', 'created_at', text(now), 'expires_at', text(expires_at), 'valid_for', text(valid_for),
    'uses', uses, 'uses_left', uses, 'votes', 0)
  redis.call('PEXPIREAT', ticket, text(expires_at + retention))
  if kept ~= '' then
    redis.call('SET', body, kept, 'PXAT', text(expires_at + math.min(body_retention, retention)))
  end
  local member = pending_member(requester, expires_at, id)
  redis.call('ZADD', PENDING, text(expires_at), member)
  redis.call('ZADD', REQUESTERS, 0, member, 0, pending_member(rule, expires_at, id))
  redis.call('ZADD', INDEX, 0, 'all' .. tail, 0, 'pending' .. tail)
  if coalesced then
    -- Long enough for the longest life the ticket can have; whether it still answers is read from the ticket itself.
    redis.call('SET', pointer, id, 'PX', text(expires_in + math.max(valid_for, cooldown) + 1000))
  end
  -- Places by this rule whose ticket was forgotten before any sweep came by.
  redis.call('ZREMRANGEBYLEX', REQUESTERS, '[' .. rule .. ':', '(' .. pending_member(rule, now + 1, ''))
  for i, key in ipairs(paces) do
    count_in(key, per_minute[i], now)
  end
  for _, key in ipairs(sizes) do
    remember_size(key, now)
  end
  return { 'created', text(now), redis.call('HGETALL', ticket) }
end
