import { describe, expect, test } from 'vitest'
import { isAllowed } from '../../../pipelines/gmarket/robots.ts'

const BEST = '/n/best?groupCode=1'

describe('robots.txt', () => {
  test.each([
    ['says nothing', '', true],
    ['closes something else', 'User-agent: *\nDisallow: /n/search', true],
    ['closes the page', 'User-agent: *\nDisallow: /n/best', false],
    ['closes everything', 'User-agent: *\nDisallow: /', false],
    ['opens the page in a closed folder', 'User-agent: *\nDisallow: /n\nAllow: /n/best', true],
    ['closes nothing by an empty word', 'User-agent: *\nDisallow:', true],
    ['closes it to another robot', 'User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /x', true],
    ['closes it to us by name', 'User-agent: baram\nDisallow: /\n\nUser-agent: *\nAllow: /', false],
    ['shares a group between names', 'User-agent: other\nUser-agent: *\nDisallow: /n', false],
    ['has comments', 'User-agent: * # all\nDisallow: /n/best # closed', false],
  ])('that %s', (_, robots, expected) => expect(isAllowed(robots, BEST)).toBe(expected))
})
