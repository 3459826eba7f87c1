-- Hand out notices: those whose lease ran out, retries that are due, new ones.
-- KEYS[1] outbox, [2] retry. An attempt is what earlier rounds counted plus what the group counts for the entry.
local outbox, retry = KEYS[1], KEYS[2]
local group, consumer, lease, cursor, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

-- Asked first: without the group every later step would fail halfway.
local probe = redis.pcall('XPENDING', outbox, group)
if probe.err then
  return probe
end
local kind = redis.call('TYPE', retry).ok
if kind ~= 'zset' and kind ~= 'none' then
  return redis.error_reply('DAMAGED ' .. retry .. ' is a ' .. kind .. ', not a zset')
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- A retry waits outside the stream, where no lease can run out on it, and comes back as a new entry; so does what
-- schedule.lua put there for its time.
local due = redis.call('ZRANGEBYSCORE', retry, '-inf', string.format('%.0f', now), 'LIMIT', 0, limit)
for _, member in ipairs(due) do
  local first, kind_of, ticket, rev, attempt = string.match(member, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  if not kind_of then
    -- Nothing of ours: the caller buries what has no type.
    first, kind_of, ticket, rev, attempt = '', '', member, 0, 0
  end
  -- When it happened stands behind the entry that it was, where the release before looks at nothing.
  local at = string.match(first, '@(%d+)$') or '0'
  -- Taken off first: a full Redis lets that pass, and everything after a script's first write.
  redis.call('ZREM', retry, member)
  redis.call('XADD', outbox, '*', 'type', kind_of, 'ticket', ticket, 'rev', rev, 'attempt', attempt,
    'again', 1, 'at', at)
end

local taken = {}
local function add(entry, tries)
  local fields = {}
  for i = 1, #entry[2], 2 do
    fields[entry[2][i]] = entry[2][i + 1]
  end
  -- The blanks keep one foreign entry from stopping all the others; the caller buries it.
  taken[#taken + 1] = { entry[1], fields['type'] or '', fields['ticket'] or '', fields['rev'] or '0',
    string.format('%.0f', (tonumber(fields['attempt']) or 0) + tries), fields['again'] or '0', fields['at'] or '0' }
end

local claimed = redis.call('XAUTOCLAIM', outbox, group, consumer, lease, cursor, 'COUNT', limit)
for i = 1, #claimed[2] do
  local entry = claimed[2][i]
  -- Redis 6.2 hands out a hole for an entry that was deleted meanwhile.
  if entry then
    local pending = redis.call('XPENDING', outbox, group, entry[1], entry[1], 1)
    add(entry, pending[1][4])
  end
end
if #taken < limit then
  local fresh = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', limit - #taken, 'STREAMS', outbox, '>')
  if fresh then
    for _, entry in ipairs(fresh[1][2]) do
      add(entry, 1)
    end
  end
end

local next_due = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
local wait = -1
if next_due[2] then
  wait = math.max(0, tonumber(next_due[2]) - now)
end

-- What was written last, so that the caller can wait for what comes after it: unlike a reader of the group, one who
-- waits so has nothing leased to it when it goes away.
local last = '0-0'
local about = redis.call('XINFO', 'STREAM', outbox)
for i = 1, #about, 2 do
  if about[i] == 'last-generated-id' then
    last = about[i + 1]
  end
end
return { claimed[1], wait, taken, last }
