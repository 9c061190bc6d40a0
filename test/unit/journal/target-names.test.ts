import t from 'tap'
import { targetNames } from '../../../src/journal/target-names.ts'

t.test('a target is known by its name and by its id, the newest name alone', async (t) => {
  const names = targetNames([
    { target: 'target-1', targetName: 'old' },
    { target: 'target-2' },
    { target: 'target-1', targetName: 'mail-postfix' },
    { target: 'target-1' },
  ])

  t.same(names.matching('mail-postfix'), ['target-1'])
  t.same(names.matching('target-1'), ['target-1'])
  t.same(names.matching('id:target-1'), ['target-1'])
  t.same(names.matching('old'), [])
  t.same(['target-1', 'target-2', 'nobody'].map(names.labelOf), ['mail-postfix', 'target-2', 'nobody'])
})

t.test('a name that two targets have, and one that is the id of another, is shown with the id behind it', async (t) => {
  const names = targetNames([
    { target: 'target-1', targetName: 'mail' },
    { target: 'target-2', targetName: 'mail' },
    { target: 'target-3', targetName: 'by-hand' },
    { target: 'by-hand' },
  ])

  t.same(names.ids.map(names.labelOf), ['by-hand', 'mail (target-1)', 'mail (target-2)', 'by-hand (target-3)'])
  t.same(names.matching('mail'), ['target-1', 'target-2'])
  t.same(names.matching('by-hand'), ['by-hand', 'target-3'])
  t.same(names.matching('id:by-hand'), ['by-hand'], 'so that each can be said')
  t.same(names.ids.map(names.argumentOf), ['id:by-hand', 'id:target-1', 'id:target-2', 'id:target-3'])
})

t.test('what is shown to be typed is one word of a shell, whatever the name is', async (t) => {
  const names = targetNames([
    { target: 'target-1', targetName: "$(reboot); echo it's" },
    { target: 'target-2', targetName: 'mx1.example.net' },
  ])

  t.equal(names.argumentOf('target-1'), `'$(reboot); echo it'\\''s'`)
  t.equal(names.argumentOf('target-2'), 'mx1.example.net')
})
