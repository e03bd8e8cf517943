package dev.slipway.model.schema;

import java.net.Inet6Address;
import java.util.regex.Pattern;

/// What names, labels, paths and addresses may look like, in Kubernetes' words.
///
/// Source: RFC 1035, RFC 1123 and Kubernetes' `util/validation`.
final class Names {
  /// What is wrong with a value; empty for nothing.
  interface Rule {
    String fault(String value);
  }

  private static final Pattern LABEL = Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
  private static final Pattern SUBDOMAIN =
      Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  private static final Pattern HOST_LABEL = Pattern.compile("[a-z]([-a-z0-9]*[a-z0-9])?");
  private static final Pattern SEARCH =
      Pattern.compile("_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*");
  private static final Pattern NAME_PART =
      Pattern.compile("([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]");
  private static final Pattern LABEL_VALUE =
      Pattern.compile("(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?");
  private static final Pattern CONFIG_KEY = Pattern.compile("[-._a-zA-Z0-9]+");
  private static final Pattern HEADER = Pattern.compile("[-A-Za-z0-9]+");
  private static final Pattern VARIABLE = Pattern.compile("[ -<>-~]+");
  private static final Pattern SYSCTL =
      Pattern.compile("([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?");
  private static final Pattern IPV4 =
      Pattern.compile("((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.(?!$)|$)){4}");
  private static final Pattern PORT_NAME = Pattern.compile("[-a-z0-9]+");
  private static final int LONGEST_LABEL = 63;
  private static final int LONGEST_SUBDOMAIN = 253;
  private static final int LONGEST_PORT_NAME = 15;

  private static final String SUBDOMAIN_FAULT =
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
          + "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
          + "used for validation is '"
          + SUBDOMAIN
          + "')";
  private static final String LABEL_FAULT =
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
          + "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
          + "used for validation is '"
          + LABEL
          + "')";
  private static final String HOST_LABEL_FAULT =
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
          + "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
          + "'abc-123', regex used for validation is '"
          + HOST_LABEL
          + "')";
  private static final String NAME_PART_FAULT =
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
          + "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used "
          + "for validation is '"
          + NAME_PART
          + "')";
  private static final String LABEL_VALUE_FAULT =
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
          + "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
          + "'my_value',  or '12345', regex used for validation is '"
          + LABEL_VALUE
          + "')";
  private static final String CONFIG_KEY_FAULT =
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
          + "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '"
          + CONFIG_KEY
          + "')";

  private Names() {}

  static String between(long least, long most) {
    return "must be between %d and %d, inclusive".formatted(least, most);
  }

  static String atMost(int characters) {
    return "must be no more than %d characters".formatted(characters);
  }

  private static String fault(String value, Pattern pattern, int longest, String fault) {
    if (!pattern.matcher(value).matches()) {
      return fault;
    }
    return value.length() > longest ? atMost(longest) : "";
  }

  static String subdomain(String value) {
    return fault(value, SUBDOMAIN, LONGEST_SUBDOMAIN, SUBDOMAIN_FAULT);
  }

  static String label(String value) {
    return fault(value, LABEL, LONGEST_LABEL, LABEL_FAULT);
  }

  /// A label that begins with a letter.
  static String hostLabel(String value) {
    return fault(value, HOST_LABEL, LONGEST_LABEL, HOST_LABEL_FAULT);
  }

  /// Of containers, volumes and namespaces.
  static String undotted(String value) {
    return value.indexOf('.') >= 0 ? "must not contain dots" : label(value);
  }

  static String labelValue(String value) {
    return fault(value, LABEL_VALUE, LONGEST_LABEL, LABEL_VALUE_FAULT);
  }

  /// A name of up to 63 characters, if need be after a domain and a slash.
  static String qualified(String value) {
    int slash = value.indexOf('/');
    if (slash >= 0) {
      String domain = value.substring(0, slash);
      String fault = domain.isEmpty() ? "must be non-empty" : subdomain(domain);
      if (!fault.isEmpty()) {
        return "prefix part " + fault;
      }
    }
    String name = value.substring(slash + 1);
    String fault = fault(name, NAME_PART, LONGEST_LABEL, NAME_PART_FAULT);
    return fault.startsWith("must be") ? "name part " + fault : fault;
  }

  static String configKey(String value) {
    String fault = fault(value, CONFIG_KEY, LONGEST_SUBDOMAIN, CONFIG_KEY_FAULT);
    if (!fault.isEmpty()) {
      return fault;
    }
    if (value.equals(".") || value.equals("..")) {
      return "must not be '" + value + "'";
    }
    return value.startsWith("..") ? "must not start with '..'" : "";
  }

  static String variable(String value) {
    return VARIABLE.matcher(value).matches()
        ? ""
        : "a valid environment variable name must consist only of printable ASCII characters other "
            + "than '='";
  }

  static String header(String value) {
    return HEADER.matcher(value).matches()
        ? ""
        : "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. "
            + "'X-Header-Name', regex used for validation is '"
            + HEADER
            + "')";
  }

  static String search(String value) {
    String name = value.endsWith(".") ? value.substring(0, value.length() - 1) : value;
    return name.isEmpty()
        ? ""
        : fault(
            name,
            SEARCH,
            LONGEST_SUBDOMAIN,
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', "
                + "'-' or '.', and must start and end with an alphanumeric character (e.g. "
                + "'example.com', regex used for validation is '"
                + SEARCH
                + "')");
  }

  static String sysctl(String value) {
    return value.length() <= LONGEST_SUBDOMAIN && SYSCTL.matcher(value).matches()
        ? ""
        : "must have at most 253 characters and match regex ^" + SYSCTL + "$";
  }

  /// The name of a port in a container.
  static String portName(String value) {
    if (!PORT_NAME.matcher(value).matches()) {
      return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
    }
    if (value.length() > LONGEST_PORT_NAME) {
      return atMost(LONGEST_PORT_NAME);
    }
    if (value.chars().noneMatch(letter -> letter >= 'a' && letter <= 'z')) {
      return "must contain at least one letter (a-z)";
    }
    if (value.contains("--")) {
      return "must not contain consecutive hyphens";
    }
    return value.startsWith("-") || value.endsWith("-")
        ? "must not begin or end with a hyphen"
        : "";
  }

  /// A path inside of what it is below.
  static String descending(String value) {
    return value.startsWith("/") ? "must be a relative path" : withoutParents(value);
  }

  static String withoutParents(String value) {
    for (int at = value.indexOf(".."); at >= 0; at = value.indexOf("..", at + 1)) {
      int end = at + 2;
      if ((at == 0 || value.charAt(at - 1) == '/')
          && (end == value.length() || value.charAt(end) == '/')) {
        return "must not contain '..'";
      }
    }
    return "";
  }

  /// A path of a volume of configuration, whose own files begin with two dots.
  static String fileOfVolume(String value) {
    String fault = descending(value);
    return fault.isEmpty() && value.startsWith("..") ? "must not start with '..'" : fault;
  }

  static String ip(String value) {
    return isIpv4(value) || isIpv6(value)
        ? ""
        : "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
  }

  static boolean isIpv4(String value) {
    return IPV4.matcher(value).matches();
  }

  static boolean isIpv6(String value) {
    if (value.indexOf(':') < 0 || value.indexOf('%') >= 0 || value.indexOf('[') >= 0) {
      return false;
    }
    try {
      Inet6Address.ofLiteral(value);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  static String addressRange(String value) {
    int slash = value.indexOf('/');
    String address = slash < 0 ? value : value.substring(0, slash);
    String length = value.substring(slash + 1);
    int most = isIpv4(address) ? 32 : isIpv6(address) ? 128 : -1;
    boolean right =
        slash > 0
            && most > 0
            && !length.isEmpty()
            && length.length() <= 3
            && length.chars().allMatch(digit -> digit >= '0' && digit <= '9')
            && Integer.parseInt(length) <= most;
    return right ? "" : "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
  }
}
