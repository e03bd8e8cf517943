#compdef slipway
# Completion of slipway for zsh: source <(slipway completion zsh), or this as _slipway in a folder of $fpath
_slipway() {
  local line
  local -a offered
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) _files ;;
      :folders) _files -/ ;;
      *$'\t'*) offered+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
      *) offered+=("${line//:/\\:}") ;;
    esac
  done
  (( $#offered )) && _describe -V slipway offered
}
if [ "${funcstack[1]}" = _slipway ]; then
  _slipway "$@"
else
  compdef _slipway slipway ./slipway
fi
