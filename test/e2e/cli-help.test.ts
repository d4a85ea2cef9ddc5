import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/index.ts'
import { spawnWaybill, waybill } from '../harness/command.ts'

describe('help', () => {
  it('lists every command', async () => {
    for (const argv of [['help'], ['--help'], ['-h']]) {
      const { code, out, err } = await waybill(argv)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      for (const { name } of COMMANDS) expect(out).toContain(`  ${name}`)
      expect(out).toContain('Exit codes: 0 ok, 1 failed, 2 usage, 3 no server, 4 not allowed, 5 money')
    }
  })

  it.each(['start', ...COMMANDS.map(({ name }) => name)])(
    'of %s has its options and two examples',
    async (name) => {
      const words = name.split(' ')
      const byFlag = await waybill([...words, '--help'])
      expect(byFlag).toEqual(await waybill(['help', ...words]))
      expect(byFlag).toEqual(await waybill([...words, '-h']))
      expect(byFlag).toMatchObject({ code: 0, err: '' })
      const examples = byFlag.out.split('\nExamples\n')[1]!.split('\n')
      expect(examples.length).toBeGreaterThanOrEqual(2)
      for (const example of examples) expect(example).toContain(`waybill ${name}`)
      const command = COMMANDS.find((one) => one.name === name)
      for (const option of Object.keys(command?.options ?? {})) expect(byFlag.out).toContain(`--${option}`)
      for (const [option, text] of Object.entries(command?.help ?? {})) {
        expect(command!.options).toHaveProperty([option])
        expect(text).not.toBe('')
      }
    },
  )

  it('of a group shows its commands; a group alone names them', async () => {
    const { out } = await waybill(['keys', '--help'])
    for (const word of ['create', 'list', 'disable', 'delete', 'rotate'])
      expect(out).toContain(`waybill keys ${word}`)
    expect(await waybill(['keys'])).toMatchObject({
      code: 2,
      err: '"waybill keys" needs one more word: create, list, disable, delete, rotate.\nHelp: waybill keys --help',
    })
  })

  it.each([
    [['modles'], 'waybill models'],
    [['model', 'sonnet'], 'waybill models'],
    [['key', 'create', 'x'], 'waybill keys create'],
    [['route', 'explian'], 'waybill route explain'],
    [['ledger', 'verfy'], 'waybill ledger verify'],
    [['strat'], 'waybill start'],
  ])('for %j means %s', async (argv, meant) => {
    const ran = await waybill(argv)
    expect(ran).toMatchObject({ code: 2, out: '' })
    expect(ran.err).toContain(`Did you mean: ${meant}`)
  })

  it('comes within 300 ms of the shell, as does the version', async () => {
    await spawnWaybill(['--help']).ended
    const timed = async (what: () => Promise<unknown>) => {
      const began = performance.now()
      await what()
      return performance.now() - began
    }
    const bare: number[] = []
    const help: number[] = []
    for (let n = 0; n < 3; n++) {
      bare.push(await timed(() => promisify(execFile)(process.execPath, ['-e', '0'])))
      help.push(
        await timed(async () => {
          const { code, out } = await spawnWaybill(['--help']).ended
          expect(code).toBe(0)
          expect(out).toContain('Commands')
        }),
      )
    }
    // An empty Node takes 40 ms on an idle machine; where that takes longer, other tests are in the way.
    expect(Math.min(...help)).toBeLessThan(Math.max(300, Math.min(...bare) * 5))
    expect(await spawnWaybill(['--version']).ended).toMatchObject({ code: 0, out: '0.1.0\n' })
  })

  it('exit codes reach the shell', async () => {
    expect((await spawnWaybill(['keys']).ended).code).toBe(2)
    const { code, out, err } = await spawnWaybill(['keys', 'list', '--url', 'http://127.0.0.1:1']).ended
    expect({ code, out }).toEqual({ code: 3, out: '' })
    expect(err).toContain('Start one with')
    expect((await spawnWaybill(['start', '--prot', '80']).ended).err).toContain('Did you mean --port?')
  })
})
