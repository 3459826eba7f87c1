-- Move a notice to the dead letters. KEYS[1] outbox, [2] dead. ARGV: group, entry, type, ticket, rev, attempt, why, keep,
-- when it happened (epoch ms, 0 for unknown).
local outbox, dead = KEYS[1], KEYS[2]
local kind = redis.call('TYPE', dead).ok
if kind ~= 'stream' and kind ~= 'none' then
  return redis.error_reply('DAMAGED ' .. dead .. ' is a ' .. kind .. ', not a stream')
end
if #redis.call('XPENDING', outbox, ARGV[1], ARGV[2], ARGV[2], 1) == 0 then
  return 0
end
redis.call('XADD', dead, 'MAXLEN', '~', ARGV[8], '*', 'type', ARGV[3], 'ticket', ARGV[4], 'rev', ARGV[5],
  'attempt', ARGV[6], 'at', ARGV[9], 'why', ARGV[7])
redis.call('XACK', outbox, ARGV[1], ARGV[2])
redis.call('XDEL', outbox, ARGV[2])
return 1
