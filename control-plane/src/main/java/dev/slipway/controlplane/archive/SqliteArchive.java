package dev.slipway.controlplane.archive;

import dev.slipway.controlplane.store.StoreException;
import dev.slipway.model.archive.Archive;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;

/// An archive in one SQLite file, each content compressed.
public final class SqliteArchive implements Archive, AutoCloseable {
  private final Path file;

  /// Given up whenever a write fails: what its driver thinks of a transaction that the disk has
  /// ended is not to be relied on.
  private @Nullable Connection current;

  private SqliteArchive(Path file, Connection connection) {
    this.file = file;
    this.current = connection;
  }

  /// Opens the file, or makes it.
  ///
  /// @throws StoreException when it cannot be used
  public static SqliteArchive open(Path file) {
    try {
      Connection connection = connect(file);
      try (Statement statement = connection.createStatement()) {
        statement.executeUpdate(
            "CREATE TABLE IF NOT EXISTS content(hash TEXT PRIMARY KEY, packed BLOB NOT NULL) WITHOUT ROWID");
      }
      connection.commit();
      return new SqliteArchive(file, connection);
    } catch (SQLException e) {
      throw new StoreException("cannot open the archive " + file + ": " + e.getMessage(), e);
    }
  }

  private static Connection connect(Path file) throws SQLException {
    var config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
    config.setCacheSize(-512);
    Connection connection = config.createConnection("jdbc:sqlite:" + file);
    connection.setAutoCommit(false);
    return connection;
  }

  private Connection connection() throws SQLException {
    Connection known = current;
    if (known == null) {
      known = connect(file);
      current = known;
    }
    return known;
  }

  @Override
  public synchronized List<String> put(Collection<byte[]> contents) {
    var hashes = new ArrayList<String>(contents.size());
    try (PreparedStatement known =
            connection().prepareStatement("SELECT 1 FROM content WHERE hash = ?");
        PreparedStatement insert =
            connection().prepareStatement("INSERT INTO content VALUES (?, ?)")) {
      for (byte[] content : contents) {
        String hash = hash(content);
        hashes.add(hash);
        known.setString(1, hash);
        try (ResultSet found = known.executeQuery()) {
          if (found.next()) {
            continue;
          }
        }
        insert.setString(1, hash);
        insert.setBytes(2, pack(content));
        insert.executeUpdate();
      }
      connection().commit();
      return List.copyOf(hashes);
    } catch (SQLException e) {
      giveUp(e);
      throw new StoreException("the archive " + file + " refused a write: " + e.getMessage(), e);
    }
  }

  @Override
  public synchronized Optional<byte[]> get(String hash) {
    try (PreparedStatement select =
        connection().prepareStatement("SELECT packed FROM content WHERE hash = ?")) {
      select.setString(1, hash);
      try (ResultSet result = select.executeQuery()) {
        if (!result.next()) {
          return Optional.empty();
        }
        byte[] content = unpack(result.getBytes(1));
        if (!hash(content).equals(hash)) {
          throw new IllegalStateException("content " + hash + " in " + file + " is damaged");
        }
        return Optional.of(content);
      } finally {
        connection().rollback();
      }
    } catch (SQLException e) {
      giveUp(e);
      throw new StoreException("cannot read the archive " + file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new IllegalStateException("content " + hash + " in " + file + " is damaged", e);
    }
  }

  @Override
  public synchronized void retain(Collection<String> hashes) {
    var kept = new HashSet<>(hashes);
    var gone = new ArrayList<String>();
    try (Statement statement = connection().createStatement();
        PreparedStatement delete =
            connection().prepareStatement("DELETE FROM content WHERE hash = ?")) {
      try (ResultSet result = statement.executeQuery("SELECT hash FROM content")) {
        while (result.next()) {
          if (!kept.contains(result.getString(1))) {
            gone.add(result.getString(1));
          }
        }
      }
      for (String hash : gone) {
        delete.setString(1, hash);
        delete.executeUpdate();
      }
      connection().commit();
    } catch (SQLException e) {
      giveUp(e);
      throw new StoreException("the archive " + file + " refused a write: " + e.getMessage(), e);
    }
  }

  private void giveUp(SQLException cause) {
    Connection old = current;
    current = null;
    try {
      if (old != null) {
        old.close();
      }
    } catch (SQLException e) {
      cause.addSuppressed(e);
    }
  }

  private static byte[] pack(byte[] content) {
    var packed = new ByteArrayOutputStream(content.length / 2 + 64);
    try (var deflater = new DeflaterOutputStream(packed)) {
      deflater.write(content);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return packed.toByteArray();
  }

  private static byte[] unpack(byte[] packed) throws IOException {
    try (var inflater = new InflaterInputStream(new ByteArrayInputStream(packed))) {
      return inflater.readAllBytes();
    }
  }

  static String hash(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public synchronized void close() {
    try {
      if (current != null) {
        current.close();
      }
    } catch (SQLException e) {
      throw new StoreException("cannot close the archive " + file + ": " + e.getMessage(), e);
    }
  }
}
