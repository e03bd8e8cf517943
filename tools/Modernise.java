import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// Rewrites jars so that the JVM's cache of prepared classes takes what is in them: it leaves out
/// classes that have no stack maps, as those compiled for Java 1.5, and all of a jar that is signed.
///
/// `java Modernise.java FILE.jar…`
final class Modernise {
  private static final int WITHOUT_STACK_MAPS = 50;
  private static final int WITH_STACK_MAPS = 52;

  public static void main(String[] jars) throws IOException {
    for (String jar : jars) {
      Path path = Path.of(jar);
      if (isLeftOut(path)) {
        rewrite(path);
      }
    }
  }

  private static boolean isLeftOut(Path jar) throws IOException {
    try (var in = new JarFile(jar.toFile())) {
      return in.stream().anyMatch(Modernise::isSignature)
          || in.stream()
              .filter(entry -> isClass(entry))
              .findFirst()
              .map(entry -> read(in, entry))
              .filter(Modernise::isOld)
              .isPresent();
    }
  }

  private static boolean isClass(JarEntry entry) {
    return entry.getName().endsWith(".class") && !entry.getName().contains("META-INF/");
  }

  /// The version is in the seventh and eighth byte.
  private static boolean isOld(byte[] bytes) {
    return ((bytes[6] & 0xff) << 8 | bytes[7] & 0xff) < WITHOUT_STACK_MAPS;
  }

  private static boolean isSignature(JarEntry entry) {
    return entry.getName().matches("META-INF/[^/]*\\.(SF|RSA|DSA|EC)");
  }

  private static byte[] read(JarFile jar, JarEntry entry) {
    try (var in = jar.getInputStream(entry)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void rewrite(Path jar) throws IOException {
    Path fresh = jar.resolveSibling(jar.getFileName() + ".new");
    try (var in = new JarFile(jar.toFile());
        var loader = new URLClassLoader(new URL[] {jar.toUri().toURL()});
        var out = new ZipOutputStream(Files.newOutputStream(fresh))) {
      out.setLevel(Deflater.BEST_SPEED);
      for (JarEntry entry : in.stream().filter(entry -> !isSignature(entry)).toList()) {
        byte[] bytes = read(in, entry);
        if (isClass(entry) && isOld(bytes)) {
          bytes =
              ClassFile.of(
                      ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
                      ClassFile.ClassHierarchyResolverOption.of(
                          ClassHierarchyResolver.ofClassLoading(loader)),
                      ClassFile.ConstantPoolSharingOption.NEW_POOL)
                  .transformClass(
                      ClassFile.of().parse(bytes),
                      ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)
                          .andThen(
                              ClassTransform.endHandler(
                                  builder -> builder.withVersion(WITH_STACK_MAPS, 0))));
        }
        var copy = new ZipEntry(entry.getName());
        copy.setTime(entry.getTime());
        out.putNextEntry(copy);
        out.write(bytes);
        out.closeEntry();
      }
    }
    Files.move(fresh, jar, StandardCopyOption.REPLACE_EXISTING);
  }
}
