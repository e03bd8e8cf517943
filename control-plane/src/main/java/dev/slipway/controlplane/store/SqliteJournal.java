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
  private final Connection connection;
  private final Connection reader;
  private final PreparedStatement put;
  private final PreparedStatement remove;
  private final PreparedStatement record;
  private final PreparedStatement mark;
  private long auditSinceTrim;

  private SqliteJournal(Path file, Connection connection, Connection reader) throws SQLException {
    this.file = file;
    this.connection = connection;
    this.reader = reader;
    put =
        connection.prepareStatement(
            "INSERT OR REPLACE INTO object(id, revision, content) VALUES (?, ?, ?)");
    remove = connection.prepareStatement("DELETE FROM object WHERE id = ?");
    record =
        connection.prepareStatement(
            "INSERT OR REPLACE INTO audit(revision, kind, namespace, name, line) VALUES (?, ?, ?, ?, ?)");
    mark = connection.prepareStatement("UPDATE mark SET revision = ?");
  }

  /// Opens the file, or makes it.
  ///
  /// @throws StoreException when it is damaged, of a newer format, or cannot be used
  public static SqliteJournal open(Path file) {
    try {
      Connection connection = connect(file, false);
      try {
        prepare(file, connection);
        return new SqliteJournal(file, connection, connect(file, true));
      } catch (SQLException | RuntimeException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw new StoreException("cannot open the store " + file + ": " + e.getMessage(), e);
    }
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
        statement.executeUpdate(
            "CREATE INDEX audit_object ON audit(kind, namespace, name, revision)");
        statement.executeUpdate("CREATE TABLE mark(revision INTEGER NOT NULL)");
        statement.executeUpdate("INSERT INTO mark VALUES (0)");
        statement.executeUpdate("PRAGMA application_id = " + APPLICATION_ID);
        statement.executeUpdate("PRAGMA user_version = " + FORMAT);
      }
      try (ResultSet check = statement.executeQuery("PRAGMA quick_check(1)")) {
        if (check.next() && !check.getString(1).equals("ok")) {
          throw new StoreException(
              "the store %s is damaged (%s): restore the folder from a backup"
                  .formatted(file, check.getString(1)));
        }
      }
    }
    connection.setAutoCommit(false);
  }

  private static int number(Statement statement, String query) throws SQLException {
    try (ResultSet result = statement.executeQuery(query)) {
      return result.next() ? result.getInt(1) : 0;
    }
  }

  @Override
  public long load(Consumer<Row> rows) {
    try (Statement statement = connection.createStatement()) {
      try (ResultSet result = statement.executeQuery("SELECT id, revision, content FROM object")) {
        while (result.next()) {
          rows.accept(new Row(result.getLong(1), result.getLong(2), result.getBytes(3)));
        }
      }
      try (ResultSet result = statement.executeQuery("SELECT revision FROM mark")) {
        return result.next() ? result.getLong(1) : 0;
      }
    } catch (SQLException | IllegalArgumentException e) {
      throw new StoreException("cannot read the store " + file + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void commit(Batch batch) {
    try {
      for (Change change : batch.changes()) {
        switch (change) {
          case Change.Put(long id, long revision, _, byte[] content, _) -> {
            put.setLong(1, id);
            put.setLong(2, revision);
            put.setBytes(3, content);
            put.executeUpdate();
          }
          case Change.Remove(long id, _) -> {
            remove.setLong(1, id);
            remove.executeUpdate();
          }
        }
        keep(change.audit());
      }
      mark.setLong(1, batch.revision());
      mark.executeUpdate();
      auditSinceTrim += batch.changes().size();
      if (auditSinceTrim >= TRIM_EVERY) {
        trim(batch.revision());
      }
      connection.commit();
    } catch (SQLException e) {
      rollBack();
      throw new StoreException("the store " + file + " refused a write: " + e.getMessage(), e);
    }
  }

  private void keep(AuditRecord audit) throws SQLException {
    record.setLong(1, audit.revision());
    record.setString(2, audit.object().kind());
    record.setString(3, audit.object().namespace());
    record.setString(4, audit.object().name());
    record.setString(5, audit.toLine());
    record.executeUpdate();
  }

  private void trim(long revision) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.executeUpdate("DELETE FROM audit WHERE revision < " + (revision - AUDIT_KEPT));
    }
    auditSinceTrim = 0;
  }

  private void rollBack() {
    try {
      connection.rollback();
    } catch (SQLException e) {
      log.warn("rollback failed file={} cause={}", file, e.toString());
    }
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
      connection.close();
    } catch (SQLException e) {
      log.warn("store not closed cleanly file={} cause={}", file, e.toString());
    }
  }
}
