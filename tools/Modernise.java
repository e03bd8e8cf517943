import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
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
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// Rewrites the classes of a jar that were compiled for Java 1.5, so that the JVM's cache of
/// prepared classes takes them: it leaves out whatever has no stack maps.
///
/// `java Modernise.java FILE.jar…`
final class Modernise {
  private static final int WITH_STACK_MAPS = 52;

  public static void main(String[] jars) throws IOException {
    for (String jar : jars) {
      rewrite(Path.of(jar));
    }
  }

  private static void rewrite(Path jar) throws IOException {
    Path fresh = jar.resolveSibling(jar.getFileName() + ".new");
    boolean old = false;
    try (var in = new JarFile(jar.toFile());
        var loader = new URLClassLoader(new URL[] {jar.toUri().toURL()});
        var out = new ZipOutputStream(Files.newOutputStream(fresh))) {
      for (JarEntry entry : in.stream().toList()) {
        byte[] bytes = in.getInputStream(entry).readAllBytes();
        if (entry.getName().endsWith(".class") && !entry.getName().contains("META-INF/")) {
          ClassModel model = ClassFile.of().parse(bytes);
          if (model.majorVersion() < 50) {
            old = true;
            bytes =
                ClassFile.of(
                        ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
                        ClassFile.ClassHierarchyResolverOption.of(
                            ClassHierarchyResolver.ofClassLoading(loader)),
                        ClassFile.ConstantPoolSharingOption.NEW_POOL)
                    .transformClass(
                        model,
                        ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)
                            .andThen(
                                ClassTransform.endHandler(
                                    builder -> builder.withVersion(WITH_STACK_MAPS, 0))));
          }
        }
        var copy = new ZipEntry(entry.getName());
        copy.setTime(entry.getTime());
        out.putNextEntry(copy);
        out.write(bytes);
        out.closeEntry();
      }
    }
    if (old) {
      Files.move(fresh, jar, StandardCopyOption.REPLACE_EXISTING);
    } else {
      Files.delete(fresh);
    }
  }
}
