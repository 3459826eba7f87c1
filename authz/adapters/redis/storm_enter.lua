-- Count a new ticket; return its number in the digest, '0' where it gets a card.
-- ARGV: ticket, own card (1 or 0), limit, window, quiet, retention (ms), how many are kept.
local ticket, limit, window, quiet = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local wrong = damaged()
if wrong then
  return wrong
end
local number = redis.call('ZSCORE', DIGESTED, ticket)
if number then
  return number
end
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', RECENT, '-inf', text(now - window))
local seen = redis.call('ZSCORE', RECENT, ticket)
if not seen then
  redis.call('ZADD', RECENT, text(now), ticket)
  redis.call('PEXPIRE', RECENT, window)
end
if seen or ARGV[2] == '1' or redis.call('ZCARD', RECENT) <= limit then
  return '0'
end

if now - of_state('entered_at') > quiet then
  local reference = redis.call('HGET', STATE, 'reference')
  if reference and reference ~= '' then
    redis.call('HSET', STATE, 'old', reference, 'reference', '')
  end
  redis.call('HSET', STATE, 'began', text(now), 'total', redis.call('SCARD', WAITING))
end
number = redis.call('HINCRBY', STATE, 'number', 1)
redis.call('HINCRBY', STATE, 'total', 1)
redis.call('HSET', STATE, 'entered_at', text(now))
redis.call('ZADD', DIGESTED, number, ticket)
redis.call('SADD', WAITING, ticket)
-- Nobody could count off a ticket that isn't known to be in the digest, so it stops counting as one that waits.
local beyond = redis.call('ZCARD', DIGESTED) - tonumber(ARGV[7])
if beyond > 0 then
  local dropped = redis.call('ZPOPMIN', DIGESTED, beyond)
  for at = 1, #dropped, 2 do
    redis.call('SREM', WAITING, dropped[at])
  end
end
for _, key in ipairs({ STATE, DIGESTED, WAITING }) do
  redis.call('PEXPIRE', key, ARGV[6])
end
return tostring(number)
