-- Take the turn to post the digest. ARGV: number, token, update, post, claim (ms).
-- Returns {} when the number was told of, {ms} to come back after, or what to tell.
local number, token = tonumber(ARGV[1]), ARGV[2]
local update, post, claim = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local wrong = damaged()
if wrong then
  return wrong
end
local reference = redis.call('HGET', STATE, 'reference') or ''
local waiting = redis.call('SCARD', WAITING)
if of_state('told') >= number or (waiting == 0 and reference == '') then
  return {}
end
local now = now_ms()
local claimed = of_state('claim_until') - now
if claimed > 0 then
  return { text(math.min(claimed, 1000)) }
end
local due = of_state('told_at') + (reference == '' and post or update)
if due > now then
  return { text(due - now) }
end
redis.call('HSET', STATE, 'claim', token, 'claim_until', text(now + claim))
return { text(of_state('number')), reference, redis.call('HGET', STATE, 'old') or '', waiting,
  text(of_state('total')), text(of_state('began')), text(now) }
