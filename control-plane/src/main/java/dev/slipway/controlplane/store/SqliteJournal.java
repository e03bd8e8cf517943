package dev.slipway.controlplane.store;

import dev.slipway.controlplane.audit.AuditQuery;
import dev.slipway.controlplane.audit.AuditRecord;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteConfig;

/// A journal in one SQLite file: write-ahead log, flushed to the disk at every commit. The audit
/// record of a change is in the same transaction as the change.
public final class SqliteJournal implements Journal {
  private static final Logger log = LoggerFactory.getLogger(SqliteJournal.class);
  private static final int FORMAT = 1;
  private static final int APPLICATION_ID = 0x534C4950;
  private static final long AUDIT_KEPT = 200_000;
  private static final int TRIM_EVERY = 2_000;

  private final Path file;
  private final Connection reader;
  private @Nullable Writer writer;
  private long auditSinceTrim;

  private SqliteJournal(Path file, Writer writer, Connection reader) {
    this.file = file;
    this.writer = writer;
    this.reader = reader;
  }

  /// The one connection that writes. It is given up whenever a write fails: what its driver thinks
  /// of a transaction that the disk has ended is not to be relied on.
  private record Writer(
      Connection connection,
      PreparedStatement put,
      PreparedStatement remove,
      PreparedStatement record,
      PreparedStatement mark) {
    static Writer on(Connection connection) throws SQLException {
      connection.setAutoCommit(false);
      return new Writer(
          connection,
          connection.prepareStatement(
              "INSERT OR REPLACE INTO object(id, revision, content) VALUES (?, ?, ?)"),
          connection.prepareStatement("DELETE FROM object WHERE id = ?"),
          connection.prepareStatement(
              "INSERT OR REPLACE INTO audit(revision, kind, namespace, name, line) VALUES (?, ?, ?, ?, ?)"),
          connection.prepareStatement("UPDATE mark SET revision = ?"));
    }

    long revision() throws SQLException {
      try (Statement statement = connection.createStatement();
          ResultSet result = statement.executeQuery("SELECT revision FROM mark")) {
        return result.next() ? result.getLong(1) : 0;
      }
    }
  }

  /// Opens the file, or makes it.
  ///
  /// @throws StoreException when it is damaged, of a newer format, or cannot be used
  public static SqliteJournal open(Path file) {
    try {
      Connection connection = connect(file, false);
      try {
        prepare(file, connection);
        return new SqliteJournal(file, Writer.on(connection), connect(file, true));
      } catch (SQLException | RuntimeException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw new StoreException("cannot open the store " + file + ": " + e.getMessage(), e);
    }
  }

  private Writer writer() throws SQLException {
    Writer known = writer;
    if (known == null) {
      known = Writer.on(connect(file, false));
      writer = known;
    }
    return known;
  }

  private static Connection connect(Path file, boolean readOnly) throws SQLException {
    var config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
    config.setBusyTimeout(5_000);
    config.setCacheSize(-2_048);
    if (readOnly) {
      config.setPragma(SQLiteConfig.Pragma.SYNCHRONOUS, "FULL");
    }
    return config.createConnection("jdbc:sqlite:" + file);
  }

  private static void prepare(Path file, Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      int format = number(statement, "PRAGMA user_version");
      int owner = number(statement, "PRAGMA application_id");
      if (format > FORMAT) {
        throw new StoreException(
            "the store %s has format %d, this program knows up to %d: use the newer program"
                .formatted(file, format, FORMAT));
      }
      if (format > 0 && owner != APPLICATION_ID) {
        throw new StoreException(file + " is no store of Slipway");
      }
      if (format == 0) {
        statement.executeUpdate(
            "CREATE TABLE object(id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, content BLOB NOT NULL)");
        statement.executeUpdate(
            "CREATE TABLE audit(revision INTEGER PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, line TEXT NOT NULL)");
        statement.executeUpdate("CREATE TABLE mark(revision INTEGER NOT NULL)");
        statement.executeUpdate("INSERT INTO mark VALUES (0)");
        statement.executeUpdate("PRAGMA application_id = " + APPLICATION_ID);
        statement.executeUpdate("PRAGMA user_version = " + FORMAT);
      }
      // An index by object cost as much as the writes themselves; a look through all of it is rare.
      statement.executeUpdate("DROP INDEX IF EXISTS audit_object");
      try (ResultSet check = statement.executeQuery("PRAGMA quick_check(1)")) {
        if (check.next() && !check.getString(1).equals("ok")) {
          throw new StoreException(
              "the store %s is damaged (%s): restore the folder from a backup"
                  .formatted(file, check.getString(1)));
        }
      }
    }
  }

  private static int number(Statement statement, String query) throws SQLException {
    try (ResultSet result = statement.executeQuery(query)) {
      return result.next() ? result.getInt(1) : 0;
    }
  }

  @Override
  public long load(Consumer<Row> rows) {
    try (Statement statement = writer().connection().createStatement()) {
      try (ResultSet result = statement.executeQuery("SELECT id, revision, content FROM object")) {
        while (result.next()) {
          rows.accept(new Row(result.getLong(1), result.getLong(2), result.getBytes(3)));
        }
      }
      return writer().revision();
    } catch (SQLException | IllegalArgumentException e) {
      throw new StoreException("cannot read the store " + file + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void commit(Batch batch) {
    try {
      commit(batch, writer());
    } catch (SQLException e) {
      if (!wasKept(batch)) {
        throw new StoreException("the store " + file + " refused a write: " + e.getMessage(), e);
      }
      log.warn("a write was kept although its flush failed file={} cause={}", file, e.toString());
    }
  }

  private void commit(Batch batch, Writer to) throws SQLException {
    for (Change change : batch.changes()) {
      switch (change) {
        case Change.Put(long id, long revision, _, byte[] content, _) -> {
          to.put().setLong(1, id);
          to.put().setLong(2, revision);
          to.put().setBytes(3, content);
          to.put().executeUpdate();
        }
        case Change.Remove(long id, _) -> {
          to.remove().setLong(1, id);
          to.remove().executeUpdate();
        }
        case Change.Note _ -> {}
      }
      keep(change.audit(), to.record());
    }
    to.mark().setLong(1, batch.revision());
    to.mark().executeUpdate();
    auditSinceTrim += batch.changes().size();
    if (auditSinceTrim >= TRIM_EVERY) {
      trim(batch.revision(), to.connection());
    }
    to.connection().commit();
  }

  private static void keep(AuditRecord audit, PreparedStatement record) throws SQLException {
    record.setLong(1, audit.revision());
    record.setString(2, audit.object().kind());
    record.setString(3, audit.object().namespace());
    record.setString(4, audit.object().name());
    record.setString(5, audit.toLine());
    record.executeUpdate();
  }

  /// Begins anew after a failure, and asks the file itself what became of the batch.
  private boolean wasKept(Batch batch) {
    giveUp();
    try {
      Writer fresh = writer();
      long revision = fresh.revision();
      fresh.connection().rollback();
      return revision == batch.revision();
    } catch (SQLException e) {
      log.debug("store cannot be opened again yet file={} cause={}", file, e.toString());
      giveUp();
      return false;
    }
  }

  private void giveUp() {
    Writer old = writer;
    writer = null;
    if (old != null) {
      try {
        old.connection().close();
      } catch (SQLException e) {
        log.debug("connection not closed file={} cause={}", file, e.toString());
      }
    }
  }

  private void trim(long revision, Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.executeUpdate("DELETE FROM audit WHERE revision < " + (revision - AUDIT_KEPT));
    }
    auditSinceTrim = 0;
  }

  @Override
  public List<AuditRecord> find(AuditQuery query) {
    var sql = new StringBuilder("SELECT line FROM audit WHERE revision < ?");
    var texts = new ArrayList<String>();
    query.kind().ifPresent(kind -> add(sql, texts, "kind", kind));
    query.namespace().ifPresent(namespace -> add(sql, texts, "namespace", namespace));
    query.name().ifPresent(name -> add(sql, texts, "name", name));
    sql.append(" ORDER BY revision DESC LIMIT ?");
    synchronized (reader) {
      try (PreparedStatement statement = reader.prepareStatement(sql.toString())) {
        statement.setLong(1, query.before());
        int at = 2;
        for (String text : texts) {
          statement.setString(at++, text);
        }
        statement.setInt(at, query.limit());
        var found = new ArrayList<AuditRecord>();
        try (ResultSet result = statement.executeQuery()) {
          while (result.next()) {
            found.add(AuditRecord.parse(result.getString(1)));
          }
        }
        return List.copyOf(found);
      } catch (SQLException e) {
        throw new StoreException("cannot read the audit of " + file + ": " + e.getMessage(), e);
      }
    }
  }

  private static void add(StringBuilder sql, List<String> texts, String column, String value) {
    sql.append(" AND ").append(column).append(" = ?");
    texts.add(value);
  }

  @Override
  public void close() {
    try {
      reader.close();
      if (writer != null) {
        writer.connection().close();
      }
    } catch (SQLException e) {
      log.warn("store not closed cleanly file={} cause={}", file, e.toString());
    }
  }
}
