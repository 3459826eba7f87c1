-- Remember a card of a ticket, and for how long: until nothing of the ticket can be shown any more.
-- KEYS[1] cards of the ticket, [2] ticket. ARGV: field, value, how many fields at most, retention (ms).
local cards, ticket = KEYS[1], KEYS[2]
local field, value, most, retention = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local kind = redis.call('TYPE', cards).ok
if kind ~= 'hash' and kind ~= 'none' then
  return redis.error_reply('DAMAGED ' .. cards .. ' is a ' .. kind .. ', not a hash')
end
if redis.call('HEXISTS', cards, field) == 0 and redis.call('HLEN', cards) >= most then
  return 0
end
-- What is left of the ticket, and as long as an approval may still add to that.
local left = math.max(redis.call('PTTL', ticket), 0) + tonumber(redis.call('HGET', ticket, 'valid_for') or 0)
redis.call('HSET', cards, field, value)
redis.call('PEXPIRE', cards, string.format('%.0f', math.max(left, retention)))
return 1
