-- A notice is delivered: remember what each channel answered, take the entry off the stream.
-- KEYS[1] outbox, [2] deliveries of the ticket. ARGV[4..] field and value in turn.
local outbox, deliveries = KEYS[1], KEYS[2]
local group, entry, retention = ARGV[1], ARGV[2], ARGV[3]
local kind = redis.call('TYPE', deliveries).ok
if kind ~= 'hash' and kind ~= 'none' then
  return redis.error_reply('DAMAGED ' .. deliveries .. ' is a ' .. kind .. ', not a hash')
end
-- Whoever holds it now: it was delivered, and a second delivery helps nobody. Nothing to do when it is done already.
if #redis.call('XPENDING', outbox, group, entry, entry, 1) == 0 then
  return 0
end
-- The acknowledgement first: a full Redis lets it pass, and everything after a script's first write. The other way
-- round a full Redis would have the same card sent again and again.
redis.call('XACK', outbox, group, entry)
redis.call('XDEL', outbox, entry)
if #ARGV > 3 then
  redis.call('HSET', deliveries, unpack(ARGV, 4))
  if redis.call('PTTL', deliveries) < tonumber(retention) then
    redis.call('PEXPIRE', deliveries, retention)
  end
end
return 1
