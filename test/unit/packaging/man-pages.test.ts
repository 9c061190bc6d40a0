import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { manPages } from '../../../packaging/man-pages.ts'
import { commands } from '../../../src/cli/commands.ts'
import { everyCommand, waxsealProgram } from '../../../src/cli/program.ts'

const program = await waxsealProgram(commands)
const pages = manPages(program, '2026-11-24')

t.test('the program and each of its commands has a page, and nothing else has', async (t) => {
  const commands = program.commands.map((command) => `waxseal-${command.name()}.1`)

  t.same(
    pages.map(({ file }) => file),
    ['waxseal.1', ...commands],
  )
})

t.test('the pages have the options and arguments of the command line, and no others', async (t) => {
  const written = pages.flatMap(({ text: roff }) =>
    [...roff.matchAll(/^\.TP\n\.B (.*)$/gm)].map((match) => match[1] ?? ''),
  )
  const shown = everyCommand(program)
    .filter((command) => command.parent !== null && command.commands.length === 0)
    .flatMap((command) => command.createHelp().visibleOptions(command))
    .map(({ flags }) => flags.replaceAll('-', '\\-'))

  t.same(written.toSorted(), shown.toSorted())
})

t.test('the page of a command says what its help says of the exit status', async (t) => {
  const page = pages.find(({ file }) => file === 'waxseal-deploy.1')

  t.match(page?.text, /Exit status: 0 deployed or unchanged, .*4 rolled back/)
})

t.test('man formats each page without a warning', async (t) => {
  for (const { file, text: roff } of pages) {
    const groff = spawn('groff', ['-man', '-Tutf8', '-ww', '-z'], { stdio: ['pipe', 'ignore', 'pipe'] })
    groff.stdin.end(roff)

    t.equal(await text(groff.stderr), '', file)
  }
})
