-- The customers' index in parts of 16,384 orders each: customers come in no order, and so a new order touched a page anywhere in
-- it. Now that page is among the few of the newest part.

DROP INDEX orders_by_customer;
CREATE INDEX orders_by_customer ON orders (seq >> 14, customer_id);
