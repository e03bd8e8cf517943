# Finds a JDK 25 and puts its folder into JDK; says what to install when there is none. Sourced by the other scripts.
find_jdk() {
  local candidate
  for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/* /opt/java/* /opt/jdk* "$HOME"/.sdkman/candidates/java/25* /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    if [ -x "$candidate/bin/javac" ] && grep -q '^JAVA_VERSION="25' "$candidate/release" 2>/dev/null; then
      JDK=$candidate
      return
    fi
  done
  if command -v javac >/dev/null && javac -version 2>&1 | grep -q '^javac 25'; then
    JDK=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
    return
  fi
  echo "Slipway needs a JDK 25, and none was found in JAVA_HOME, /usr/lib/jvm or PATH." >&2
  echo "Install one, for instance Eclipse Temurin (package temurin-25-jdk), or set JAVA_HOME to it." >&2
  exit 2
}
