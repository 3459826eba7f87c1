-- Give a notice back until later. KEYS[1] outbox, [2] retry, [3] deliveries of the ticket.
local outbox, retry, deliveries = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, entry, after = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local what, attempt, field, why, retention, at = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
for key, wanted in pairs({ [retry] = 'zset', [deliveries] = 'hash' }) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= wanted and kind ~= 'none' then
    return redis.error_reply('DAMAGED ' .. key .. ' is a ' .. kind .. ', not a ' .. wanted)
  end
end
-- Somebody else has it by now, or it is done: then it is not ours to postpone.
local pending = redis.call('XPENDING', outbox, group, entry, entry, 1)
if #pending == 0 or pending[1][2] ~= consumer then
  return 0
end
local time = redis.call('TIME')
local due = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + after
redis.call('ZADD', retry, string.format('%.0f', due), entry .. '@' .. at .. ' ' .. what .. ' ' .. attempt)
redis.call('HSET', deliveries, field, why)
if redis.call('PTTL', deliveries) < tonumber(retention) then
  redis.call('PEXPIRE', deliveries, retention)
end
redis.call('XACK', outbox, group, entry)
redis.call('XDEL', outbox, entry)
return 1
