"""Statements to the MariaDB server at the port given, as the driver PyMySQL sends them."""
import sys

import pymysql

connection = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="root", database="shop", autocommit=True)
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(100))")
    for number in range(20):
        cursor.execute("INSERT INTO orders VALUES (%s, %s)", (number, "secret-note"))
    cursor.execute("SELECT id, note FROM orders WHERE id < 5")
    assert len(cursor.fetchall()) == 5
    cursor.execute("SELECT REPEAT('x', 100000), id FROM orders")
    assert len(cursor.fetchall()) == 20
    for wrong in ("SELEKT 1", "SELECT * FROM nowhere"):
        try:
            cursor.execute(wrong)
            raise AssertionError(wrong)
        except pymysql.MySQLError:
            pass
    cursor.execute("USE mysql")
    cursor.execute("PREPARE p FROM 'SELECT ? + 1'")
    cursor.execute("SET @a = 41")
    cursor.execute("EXECUTE p USING @a")
    assert cursor.fetchone()[0] == 42
connection.close()
