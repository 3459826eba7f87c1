-- Send a dead letter again: as a new notice, with no attempt made. KEYS[1] outbox, [2] dead. ARGV: entry, and whether
-- it can be read (1 or 0). Returns the letter's fields, nil when it isn't there.
local outbox, dead, entry = KEYS[1], KEYS[2], ARGV[1]
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('DAMAGED ' .. key .. ' is a ' .. kind .. ', not a stream')
  end
end
local found = redis.call('XREVRANGE', dead, entry, entry)
if not found[1] then
  return false
end
local fields = {}
for i = 1, #found[1][2], 2 do
  fields[found[1][2][i]] = found[1][2][i + 1]
end
if ARGV[2] == '1' then
  -- The first write: a full Redis refuses it, and nothing has happened.
  redis.call('XADD', outbox, '*', 'type', fields['type'], 'ticket', fields['ticket'], 'rev', fields['rev'],
    'attempt', 0, 'again', 1, 'at', fields['at'] or 0)
  redis.call('XDEL', dead, entry)
end
return found[1][2]
