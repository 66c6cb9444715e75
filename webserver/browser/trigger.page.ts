// The trigger form: conf is checked while it is written, and the command and call beside it follow.

const conf = document.querySelector<HTMLTextAreaElement>('#conf')
const fault = document.getElementById('conf-fault')
const command = document.getElementById('command')
const curl = document.getElementById('curl')

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

function check(): void {
  if (conf === null || fault === null) return
  const text = conf.value.trim() === '' ? '{}' : conf.value
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error('The configuration must be a JSON object.')
    const line = JSON.stringify(value)
    fault.hidden = true
    conf.classList.remove('bad')
    if (command !== null)
      command.textContent = `${command.dataset['start'] ?? ''}${line === '{}' ? '' : ` --conf ${quote(line)}`}`
    if (curl !== null) curl.textContent = `${curl.dataset['start'] ?? ''}${quote(`{"conf": ${line}}`)}`
  } catch (error) {
    fault.hidden = false
    fault.textContent = error instanceof Error ? error.message : 'This is no JSON yet.'
    conf.classList.add('bad')
  }
}

conf?.addEventListener('input', check)
conf?.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) conf.form?.requestSubmit()
})
