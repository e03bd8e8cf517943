package dev.slipway.app;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The table of `docs/architecture.md`, and what a decision may know.
class ArchitectureTest {
  private static final JavaClasses ALL =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.slipway");

  @ParameterizedTest(name = "{0} uses no more than {1}")
  @CsvSource({
    "model, model",
    "manifest, model|manifest",
    "sync, model|manifest|sync",
    "rollout, model|rollout",
    "controlplane, model|controlplane",
    "runtime, model|runtime"
  })
  void aModuleUsesNoMoreThanItMay(String module, String used) {
    var allowed =
        java.util.Arrays.stream(used.split("\\|", -1))
            .map(name -> "dev.slipway." + name + "..")
            .toArray(String[]::new);
    classes()
        .that()
        .resideInAPackage("dev.slipway." + module + "..")
        .should()
        .onlyDependOnClassesThat(
            com.tngtech.archunit.base.DescribedPredicate.or(
                com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage(
                    "dev.slipway.."),
                com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage(allowed)))
        .check(ALL);
  }

  @Test
  void packagesHaveNoCycle() {
    SlicesRuleDefinition.slices().matching("dev.slipway.(**)").should().beFreeOfCycles().check(ALL);
  }

  @Test
  void aDecisionKnowsNoDiskNoNetworkNoClockAndNoLog() {
    noClasses()
        .that()
        .haveSimpleNameEndingWith("Planner")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("java.io..", "java.nio..", "java.net..", "java.sql..", "org.slf4j..")
        .orShould()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethod(System.class, "nanoTime")
        .orShould()
        .callMethod(java.time.Instant.class, "now")
        .check(ALL);
  }

  @Test
  void nobodyReadsTheWallClockButTheProgram() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.slipway.app..")
        .should()
        .callMethod(java.time.Instant.class, "now")
        .orShould()
        .callMethod(System.class, "currentTimeMillis")
        .check(ALL);
  }

  @Test
  void theCommandLineLoadsNoHttpClient() {
    noClasses()
        .that()
        .resideInAPackage("dev.slipway.cli..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("java.net.http..")
        .check(ALL);
  }
}
