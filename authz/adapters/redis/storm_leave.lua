-- Count a ticket off. ARGV: ticket, whether the change is to be told (1 or 0), whether it gets a card (1 or 0).
-- Returns the number of the change, '0' where nothing is to be told.
local ticket, told = ARGV[1], ARGV[2] == '1'
local wrong = damaged()
if wrong then
  return wrong
end
local number = redis.call('ZSCORE', DIGESTED, ticket)
if not number then
  return '0'
end
if redis.call('SREM', WAITING, ticket) == 1 then
  if told then
    number = tostring(redis.call('HINCRBY', STATE, 'number', 1))
    redis.call('ZADD', DIGESTED, number, ticket)
  elseif redis.call('SCARD', WAITING) == 0 then
    forget_digest()
  end
end
if ARGV[3] == '1' then
  redis.call('ZREM', DIGESTED, ticket)
end
return told and number or '0'
