# SPDX-License-Identifier: Apache-2.0
# bash completion for cpmctl(1)

_cpmctl()
{
	local cur prev i verb='' at=0
	local verbs='status stats reload log owners backup restore verify export import erase user doc cab group sip policy deferred jobs'

	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	if [[ $prev == --socket || $prev == -s || $prev == --password-file ]]; then
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		return
	fi
	# The verb, and which of its arguments is being completed (from 1).
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket | -s | --password-file | --alias | --format | --file | --size | --group | --time | --since | --user) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $verb ]]; then
				verb=${COMP_WORDS[i]}
			elif [[ -z $what ]]; then
				what=${COMP_WORDS[i]}
			fi
			((at++))
			;;
		esac
	done
	if [[ $cur == -* ]]; then
		local options='--socket --json --yes --help --version'
		case $verb:$what in
		user:add) options+=' --operator --alias --password-file --generate --no-password' ;;
		cab:import) options+=' --dry-run --format' ;;
		cab:export) options+=' --format' ;;
		policy:explain)
			options+=' --message --session --file --originating --anonymous --size --group --time' ;;
		policy:what-if) options+=' --user --since' ;;
		policy:push | policy:decisions) options+=' --since' ;;
		user:passwd) options+=' --password-file --generate --disable --enable' ;;
		esac
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
		return
	fi
	if [[ -z $verb ]]; then
		COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
		return
	fi
	case $verb:$at in
	log:1) COMPREPLY=($(compgen -W 'level' -- "$cur")) ;;
	log:2) COMPREPLY=($(compgen -W 'daemon conf http kv admin sip cpm error warn info debug' -- "$cur")) ;;
	log:3) COMPREPLY=($(compgen -W 'error warn info debug' -- "$cur")) ;;
	backup:1 | verify:1 | restore:1 | restore:2)
		COMPREPLY=($(compgen -d -- "$cur"))
		compopt -o filenames 2>/dev/null
		;;
	import:1 | export:2)
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		;;
	user:1) COMPREPLY=($(compgen -W 'add del list show passwd' -- "$cur")) ;;
	cab:1) COMPREPLY=($(compgen -W 'import export duplicates merge undo' -- "$cur")) ;;
	cab:3)
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		;;
	doc:1) COMPREPLY=($(compgen -W 'get put del list access log undo' -- "$cur")) ;;
	doc:2) [[ $what != list ]] || COMPREPLY=($(compgen -W 'global' -- "$cur")) ;;
	doc:3)
		[[ $what == put ]] || return
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		;;
	group:1) COMPREPLY=($(compgen -W 'show' -- "$cur")) ;;
	sip:1) COMPREPLY=($(compgen -W 'registrations drop peers transactions trace' -- "$cur")) ;;
	sip:3) [[ $what != trace ]] || COMPREPLY=($(compgen -W 'on off' -- "$cur")) ;;
	policy:1) COMPREPLY=($(compgen -W 'show explain what-if push log decisions' -- "$cur")) ;;
	policy:2)
		[[ $what == what-if || $what == push ]] || return
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		;;
	deferred:1) COMPREPLY=($(compgen -W 'list delete' -- "$cur")) ;;
	jobs:1) COMPREPLY=($(compgen -W 'cancel' -- "$cur")) ;;
	stats:1)
		COMPREPLY=($(compgen -W "$(cpmctl stats 2>/dev/null | sed 's/[{ ].*//' | sort -u)" -- "$cur"))
		;;
	esac
}

complete -F _cpmctl cpmctl
