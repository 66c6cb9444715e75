// Completion scripts for bash, zsh and fish. Words of commands and options stand in them; ids of DAGs and names of profiles are
// asked of `dagctl complete` when somebody completes one, and are never evaluated.

import type { CommandModel, OptionModel, Shell, Values } from './model.ts'

/** In single quotes, as bash and zsh read them. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
/** As fish reads them. */
const quoteFish = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** One word for a kind, a list of words for what is known. */
const kindText = (values: Values): string => (values.kind === 'words' ? `of ${values.words.join(' ')}` : values.kind)

/** Lines of a `case`, one for all keys that have the same text. */
function caseLines(pairs: readonly (readonly [key: string, text: string])[]): string {
  const byText = new Map<string, string[]>()
  for (const [key, text] of pairs) byText.set(text, [...(byText.get(text) ?? []), key])
  return [...byText].map(([text, keys]) => `    ${keys.map(quote).join('|')}) REPLY=${quote(text)} ;;`).join('\n')
}

const valuePairs = (models: readonly CommandModel[]) =>
  models.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === null ? [] : names.map((name) => [`${path}|${name}`, kindText(value)] as const),
    ),
  )

const argumentPairs = (models: readonly CommandModel[]) =>
  models.flatMap(({ path, arguments: all }) => all.map((values, at) => [`${path}|${at}`, kindText(values)] as const))

/** Functions that bash and zsh share: each sets REPLY, or fails. */
const tables = (models: readonly CommandModel[]): string => `_dagctl_value() {
  case "$1|$2" in
${caseLines(valuePairs(models))}
    *) return 1 ;;
  esac
}
_dagctl_argument() {
  case "$1|$2" in
${caseLines(argumentPairs(models))}
    *) return 1 ;;
  esac
}
_dagctl_command() {
  case "$1|$2" in
    ${models.flatMap(({ path, commands }) => commands.map(({ name }) => quote(`${path}|${name}`))).join('|')}) ;;
    *) return 1 ;;
  esac
}`

const bash = (
  models: readonly CommandModel[],
): string => `# Completion of dagctl for bash. For this shell: source <(dagctl completion bash)
${tables(models)}
_dagctl_words() {
  case "$1" in
${caseLines(models.map(({ path, commands }) => [path, commands.map(({ name }) => name).join(' ')]))}
  esac
}
_dagctl_options() {
  case "$1" in
${caseLines(models.map(({ path, options }) => [path, options.flatMap(({ names }) => names).join(' ')]))}
  esac
}
_dagctl() {
  local REPLY word path='' at=0 i list='' cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local -a server=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == -* ]]; then
      if _dagctl_value "$path" "$word"; then
        ((i++))
        if [[ ($word == --url || $word == --profile) && $i -lt $COMP_CWORD ]]; then server+=("$word" "\${COMP_WORDS[i]}"); fi
      fi
    elif _dagctl_command "$path" "$word"; then
      path=\${path:+$path }$word
    else
      ((at++))
    fi
  done
  if [[ $prev == -* ]] && _dagctl_value "$path" "$prev"; then
    :
  elif [[ $cur == -* ]]; then
    _dagctl_options "$path"
    REPLY="of $REPLY"
  elif ! _dagctl_argument "$path" "$at"; then
    REPLY=''
    _dagctl_words "$path"
    REPLY="of $REPLY"
  fi
  case $REPLY in
    'of '*) list=\${REPLY#of } ;;
    dags | profiles) list=$("\${COMP_WORDS[0]}" complete "$REPLY" "\${server[@]}" 2>/dev/null) ;;
    files) compopt -o default 2>/dev/null; return ;;
  esac
  # Compared here: compgen would evaluate what a server has named.
  while IFS= read -r word; do
    if [[ -n $word && $word == "$cur"* ]]; then COMPREPLY+=("$word"); fi
  done <<<"\${list// /$'\\n'}"
}
complete -F _dagctl dagctl
`

/** `name:description` as zsh's _describe takes it. */
const described = (name: string, description: string): string =>
  quote(`${name.replaceAll(':', '\\:')}:${description.replaceAll('\n', ' ')}`)

const zshWords = ({ path, commands }: CommandModel): string =>
  `    ${quote(path)}) list=(${commands.map(({ name, description }) => described(name, description)).join(' ')}) ;;`

const zshOptions = ({ path, options }: CommandModel): string =>
  `    ${quote(path)}) list=(${options.flatMap(({ names, description }) => names.map((name) => described(name, description))).join(' ')}) ;;`

const zsh = (models: readonly CommandModel[]): string => `#compdef dagctl
# Completion of dagctl for zsh. For this shell: source <(dagctl completion zsh)
${tables(models)}
_dagctl_words() {
  case "$1" in
${models
  .filter(({ commands }) => commands.length > 0)
  .map(zshWords)
  .join('\n')}
  esac
}
_dagctl_options() {
  case "$1" in
${models.map(zshOptions).join('\n')}
  esac
}
_dagctl() {
  local REPLY word cmd='' at=0 i cur=\${words[CURRENT]} prev=\${words[CURRENT - 1]}
  local -a list server found
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if [[ $word == -* ]]; then
      if _dagctl_value "$cmd" "$word"; then
        ((i++))
        if [[ ($word == --url || $word == --profile) && $i -lt $CURRENT ]]; then server+=("$word" "\${words[i]}"); fi
      fi
    elif _dagctl_command "$cmd" "$word"; then
      cmd=\${cmd:+$cmd }$word
    else
      ((at++))
    fi
  done
  if [[ $prev == -* ]] && _dagctl_value "$cmd" "$prev"; then
    :
  elif [[ $cur == -* ]]; then
    _dagctl_options "$cmd"
    _describe -o option list
    return
  elif ! _dagctl_argument "$cmd" "$at"; then
    _dagctl_words "$cmd"
    _describe command list
    return
  fi
  case $REPLY in
    'of '*) found=(\${=REPLY#of }) ;;
    dags | profiles) found=(\${(f)"$(\${words[1]} complete "$REPLY" \${server[@]} 2>/dev/null)"}) ;;
    files) _files; return ;;
  esac
  compadd -- \${found[@]}
}
if [ "$funcstack[1]" = _dagctl ]; then _dagctl "$@"; else compdef _dagctl dagctl; fi
`

const FISH_LIST: Readonly<Record<'dags' | 'profiles', string>> = {
  dags: '(__dagctl_ask dags)',
  profiles: '(__dagctl_ask profiles)',
}

function fishValues(values: Values): string {
  switch (values.kind) {
    case 'words':
      return ` -f -a ${quoteFish(values.words.join(' '))}`
    case 'files':
      return ' -F'
    case 'nothing':
      return ' -f'
    case 'dags':
    case 'profiles':
      return ` -f -a ${quoteFish(FISH_LIST[values.kind])}`
  }
}

function fishOption(path: string, { names, description, value }: OptionModel): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ')
  const taken = value === null ? '' : ` -r${fishValues(value)}`
  return `complete -c dagctl -n ${quoteFish(`__dagctl_in ${quoteFish(path)}`)} ${flags}${taken} -d ${quoteFish(description)}`
}

const fishLines = ({ path, commands, options, arguments: all }: CommandModel): readonly string[] => [
  ...commands.map(
    ({ name, description }) =>
      `complete -c dagctl -n ${quoteFish(`__dagctl_at ${quoteFish(path)} 0`)} -f -a ${quoteFish(name)} -d ${quoteFish(description)}`,
  ),
  ...all.flatMap((values, at) =>
    values.kind === 'nothing'
      ? []
      : [`complete -c dagctl -n ${quoteFish(`__dagctl_at ${quoteFish(path)} ${at}`)}${fishValues(values)}`],
  ),
  ...options.map((option) => fishOption(path, option)),
]

/** `path|option` of those that take a value, and `path|command` of all: what the words before the cursor mean. */
const fish = (
  models: readonly CommandModel[],
): string => `# Completion of dagctl for fish. For this shell: dagctl completion fish | source
function __dagctl_state
    set -l path ''
    set -l at 0
    set -l skips 0
    for word in (commandline -opc)[2..]
        if test $skips = 1
            set skips 0
        else if string match -q -- '-*' $word
            contains -- "$path|$word" ${valuePairs(models)
              .map(([key]) => quoteFish(key))
              .join(' ')}; and set skips 1
        else if contains -- "$path|$word" ${models
          .flatMap(({ path, commands }) => commands.map(({ name }) => quoteFish(`${path}|${name}`)))
          .join(' ')}
            set path (string trim -- "$path $word")
        else
            set at (math $at + 1)
        end
    end
    echo "$path"
    echo $at
end
function __dagctl_in
    set -l state (__dagctl_state)
    test "$state[1]" = "$argv[1]"
end
function __dagctl_at
    set -l state (__dagctl_state)
    test "$state[1]" = "$argv[1]"; and test "$state[2]" = "$argv[2]"
end
function __dagctl_ask
    set -l words (commandline -opc)
    set -l server
    for i in (seq 2 (math (count $words) - 1))
        if contains -- $words[$i] --url --profile
            set server $server $words[$i] $words[(math $i + 1)]
        end
    end
    $words[1] complete $argv[1] $server 2>/dev/null
end
complete -c dagctl -f
${models.flatMap(fishLines).join('\n')}
`

const WRITERS: Readonly<Record<Shell, (models: readonly CommandModel[]) => string>> = { bash, zsh, fish }

export const completionScript = (shell: Shell, models: readonly CommandModel[]): string => WRITERS[shell](models)
