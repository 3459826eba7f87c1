-- Shared by every script that touches a partition; the loader puts it in front. KEYS[1..8] are always the
-- partition's own keys, in the order of keys.py; what a script adds follows from KEYS[9] on.
--
-- Lua in Redis does not roll back, so every script validates first (types too), writes the audit entry as its
-- first write (a full or read-only Redis refuses that one, and nothing has happened), and changes state last.
-- There is no JSON and no digest in here: bytes come from the caller and are stored as they are.
local CLOCK, AUDIT, OUTBOX, PENDING, APPROVED, REQUESTERS, INDEX, GARBAGE =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]

-- Lua would write 1.7e+12 for a time.
local function text(number)
  return string.format('%.0f', number)
end

-- Fixed width, so that the order of texts is the order of times.
local function padded(number)
  return string.format('%015.0f', number)
end

-- Epoch milliseconds by Redis, never earlier than what this partition has been stamped with.
local function now_ms()
  local time = redis.call('TIME')
  local ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local last = tonumber(redis.call('GET', CLOCK) or 0)
  if last > ms then
    return last
  end
  return ms
end

-- The error reply for a key of another type than a script is about to use, or nil.
local function wrong_type(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    return redis.error_reply('DAMAGED ' .. key .. ' is a ' .. found .. ', not a ' .. kind)
  end
end

local function damaged()
  return wrong_type(CLOCK, 'string') or wrong_type(AUDIT, 'stream') or wrong_type(OUTBOX, 'stream')
    or wrong_type(PENDING, 'zset') or wrong_type(APPROVED, 'zset') or wrong_type(REQUESTERS, 'zset')
    or wrong_type(INDEX, 'zset') or wrong_type(GARBAGE, 'zset')
end

-- One event: audit first, then the outbox. Extra arguments are further audit fields, name and value.
-- Whoever waits for the ticket is told; no write, and no part of the transition, which holds where nobody may be told.
local function record(now, kind, id, rev, data, ...)
  redis.pcall('PUBLISH', 'holdgate:changed', id)
  redis.call('XADD', AUDIT, '*', 'type', kind, 'ticket', id, 'rev', rev, 'at', text(now), 'data', data, ...)
  redis.call('XADD', OUTBOX, '*', 'type', kind, 'ticket', id, 'rev', rev, 'attempt', 0, 'at', text(now))
  redis.call('SET', CLOCK, text(now))
end

-- How a pending ticket stands in PENDING and, once by its requester and once by its rule, in REQUESTERS: whose, until
-- when, which.
local function pending_member(whose, expires_at, id)
  return whose .. ':' .. padded(tonumber(expires_at)) .. ':' .. id
end

-- `rule` is false for a ticket that the release before stored: it stands there by its requester alone.
local function leave_pending(requester, rule, expires_at, id)
  local member = pending_member(requester, expires_at, id)
  redis.call('ZREM', PENDING, member)
  redis.call('ZREM', REQUESTERS, member)
  if rule then
    redis.call('ZREM', REQUESTERS, pending_member(rule, expires_at, id))
  end
end

local function move_in_index(id, created_at, from, to)
  local tail = ':' .. padded(tonumber(created_at)) .. ':' .. id
  redis.call('ZREM', INDEX, from .. tail)
  redis.call('ZADD', INDEX, 0, to .. tail)
end

-- The end of a ticket: it is kept for `retention` ms more, its body for `body_retention`. The TTLs free memory if
-- nobody sweeps; they decide nothing.
local function finish(ticket, body, id, created_at, from, to, now, retention, body_retention)
  local gone = now + tonumber(retention)
  redis.call('HSET', ticket, 'state', to, 'ended_at', text(now))
  move_in_index(id, created_at, from, to)
  redis.call('ZADD', GARBAGE, text(gone), to .. ':' .. padded(tonumber(created_at)) .. ':' .. id)
  redis.call('PEXPIREAT', ticket, text(gone))
  redis.call('PEXPIREAT', body, text(math.min(gone, now + tonumber(body_retention))))
end
