-- Some places of tickets and reviews, from where the last look ended. KEYS[9] open reviews by requester. ARGV: how many,
-- and the last place seen in the index, among the open tickets and among the open reviews. Changes nothing.
local breakers, limit = KEYS[9], ARGV[1]
local bad = damaged() or wrong_type(breakers, 'zset')
if bad then
  return bad
end
return {
  redis.call('ZRANGEBYLEX', INDEX, '(' .. ARGV[2], '(all;', 'LIMIT', 0, limit),
  redis.call('ZRANGEBYLEX', REQUESTERS, '(' .. ARGV[3], '+', 'LIMIT', 0, limit),
  redis.call('ZRANGEBYLEX', breakers, '(' .. ARGV[4], '+', 'LIMIT', 0, limit),
}
