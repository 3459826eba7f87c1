-- Have notices about a ticket come at their time, each once for ever.
-- KEYS[1] retry, [2] deliveries of the ticket, [3] ticket. ARGV: retention, then a mark, a due time and a member in turn.
local retry, deliveries, ticket = KEYS[1], KEYS[2], KEYS[3]
local retention = tonumber(ARGV[1])
for key, wanted in pairs({ [retry] = 'zset', [deliveries] = 'hash' }) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= wanted and kind ~= 'none' then
    return redis.error_reply('DAMAGED ' .. key .. ' is a ' .. kind .. ', not a ' .. wanted)
  end
end
-- As long as the ticket is there, somebody may ask for this again; when it is gone, nobody has anything to tell.
local kept = math.max(redis.call('PTTL', ticket), redis.call('PTTL', deliveries), retention)
-- Needs no memory, and a full Redis lets everything pass after such a first write: that nothing more can be scheduled
-- must not keep back the card, which is posted after this.
redis.call('PEXPIRE', deliveries, string.format('%.0f', kept))
local added = 0
for i = 2, #ARGV, 3 do
  local mark, due, member = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  -- What came already has left the set, so the set alone can't tell.
  if not redis.call('HGET', deliveries, mark) then
    redis.call('ZADD', retry, due, member)
    redis.call('HSET', deliveries, mark, due)
    added = added + 1
  end
end
redis.call('PEXPIRE', deliveries, string.format('%.0f', kept))
return added
