-- End a turn, if it is still this token's. ARGV: token, number told ('' for none), reference, retention (ms).
local wrong = damaged()
if wrong then
  return wrong
end
if redis.call('HGET', STATE, 'claim') ~= ARGV[1] then
  return 0
end
redis.call('HDEL', STATE, 'claim', 'claim_until')
if ARGV[2] ~= '' then
  redis.call('HSET', STATE, 'told', ARGV[2], 'told_at', text(now_ms()), 'reference', ARGV[3])
  redis.call('HDEL', STATE, 'old')
  if redis.call('SCARD', WAITING) == 0 and of_state('number') == tonumber(ARGV[2]) then
    forget_digest()
  end
end
redis.call('PEXPIRE', STATE, ARGV[4])
return 1
